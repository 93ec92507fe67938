import { isDeepStrictEqual } from 'node:util'
import { keptBurst } from '../../netlink/index.ts'
import type { QdiscEntry } from '../entry.ts'
import { kindRules, onLink } from './rules.ts'

/** A link has one: what is desired takes its place, whoever made it. */
export const qdiscRules = kindRules('qdisc', {
  rank: 4,
  overwrites: true,
  parents: qdisc => onLink(qdisc.link),
  equals: (desired, observed, { mark }) =>
    mark === 'ours' && isDeepStrictEqual(keptQdisc(desired.qdisc), observed.qdisc),
})

/** What the kernel reports when it was given this. */
export function keptQdisc(qdisc: QdiscEntry['qdisc']): QdiscEntry['qdisc'] {
  if (qdisc.type === 'other') return qdisc
  const rate = Math.floor(qdisc.rateBps / 8)
  return { ...qdisc, rateBps: rate * 8, burstBytes: keptBurst(rate, qdisc.burstBytes) }
}
