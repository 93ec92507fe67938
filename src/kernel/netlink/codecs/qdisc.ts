import {
  addQdisc,
  deleteQdisc,
  type Qdisc,
  type Request,
  replaceQdisc,
  TC_H_ROOT,
} from '../../../netlink/index.ts'
import type { QdiscEntry } from '../../entry.ts'
import type { ObservedEntry, Operation } from '../../operation.ts'
import { QDISC_HANDLE } from '../../ownership.ts'
import type { LinkTable } from '../link-table.ts'
import { selectiveRequests } from './selective-qdisc.ts'

/** Undefined for what a link has by itself, and for what does not stand at its root. */
export function observedQdisc(
  { linkIndex, parent, handle, kind, tokenBucket }: Qdisc,
  links: LinkTable,
): ObservedEntry | undefined {
  const link = links.nameOf(linkIndex)
  if (link === undefined || parent !== TC_H_ROOT || handle === 0) return undefined
  if (tokenBucket === undefined) {
    return { entry: { kind: 'qdisc', link, qdisc: { type: 'other', name: kind } }, mark: 'foreign' }
  }
  const { rate, burst, limit } = tokenBucket
  const qdisc = { type: 'tbf', rateBps: rate * 8, burstBytes: burst, limitBytes: limit } as const
  return { entry: { kind: 'qdisc', link, qdisc }, mark: handle === QDISC_HANDLE ? 'ours' : 'foreign' }
}

export function qdiscRequests({ op }: Operation, { qdisc }: QdiscEntry, linkIndex: number): Request[] {
  const target = { linkIndex, handle: QDISC_HANDLE }
  if (op === 'delete') return [deleteQdisc(target)]
  if (qdisc.type === 'other') throw new TypeError(`a qdisc ${qdisc.name} is not made here`)
  if (qdisc.type === 'htb') {
    const parts = selectiveRequests(qdisc, linkIndex)
    // It cannot be changed in place; what is there may be another program's, and is replaced.
    return op === 'create' ? parts : [{ ...deleteQdisc(target), forgives: () => true }, ...parts]
  }
  const tokenBucket = {
    rate: Math.floor(qdisc.rateBps / 8),
    burst: qdisc.burstBytes,
    limit: qdisc.limitBytes,
  }
  return [(op === 'create' ? addQdisc : replaceQdisc)({ ...target, kind: 'tbf', tokenBucket })]
}
