import { addFdb, appendFdb, deleteFdb, type Fdb, type Request } from '../../../netlink/index.ts'
import type { FdbEntry } from '../../entry.ts'
import type { ObservedEntry, Operation } from '../../operation.ts'
import type { LinkTable } from '../link-table.ts'

/** Undefined for what is not a permanent entry of a vxlan link itself. */
export function observedFdb(fdb: Fdb, links: LinkTable): ObservedEntry | undefined {
  const link = links.nameOf(fdb.linkIndex)
  const { mac, dst, state, self } = fdb
  if (link === undefined || dst === undefined || !self) return undefined
  if (state !== 'permanent' && state !== 'static') return undefined
  return { entry: { kind: 'fdb', link, mac, dst }, mark: 'foreign' }
}

export function fdbRequests({ op }: Operation, { mac, dst }: FdbEntry, linkIndex: number): Request[] {
  const spec = { linkIndex, mac, dst }
  if (op === 'delete') return [deleteFdb(spec)]
  return [mac === '00:00:00:00:00:00' ? appendFdb(spec) : addFdb(spec)]
}
