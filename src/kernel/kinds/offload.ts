import { kindRules, onLink } from './rules.ts'

/** A setting of a link, overwritten like a sysctl; the link has it no more when it is made anew. */
export const offloadRules = kindRules('offload', {
  rank: 1,
  overwrites: true,
  parents: ({ link }) => onLink(link),
  equals: (desired, observed) => desired.txChecksum === observed.txChecksum,
})
