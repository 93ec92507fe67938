import {
  addNeighbour,
  deleteNeighbour,
  type Neighbour,
  type Request,
  replaceNeighbour,
} from '../../../netlink/index.ts'
import type { NeighbourEntry } from '../../entry.ts'
import type { ObservedEntry, Operation } from '../../operation.ts'
import { ROUTE_PROTOCOL } from '../../ownership.ts'
import type { LinkTable } from '../link-table.ts'

/** Undefined for what the kernel learned itself, and for proxy entries. */
export function observedNeighbour(neighbour: Neighbour, links: LinkTable): ObservedEntry | undefined {
  const { address, mac, state, proxy } = neighbour
  const link = links.nameOf(neighbour.linkIndex)
  if (link === undefined || state !== 'permanent' || proxy || mac === undefined) return undefined
  const mark = neighbour.protocol === ROUTE_PROTOCOL ? 'ours' : 'foreign'
  return { entry: { kind: 'neighbour', link, address, mac }, mark }
}

export function neighbourRequests({ op }: Operation, entry: NeighbourEntry, linkIndex: number): Request[] {
  const { address, mac } = entry
  if (op === 'delete') return [deleteNeighbour({ linkIndex, address })]
  const spec = { linkIndex, address, mac, protocol: ROUTE_PROTOCOL }
  return [op === 'create' ? addNeighbour(spec) : replaceNeighbour(spec)]
}
