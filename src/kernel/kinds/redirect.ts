import { kindRules, linkKey, onLink } from './rules.ts'

/** After the qdiscs: what is redirected is shaped from the first packet on. */
export const redirectRules = kindRules('redirect', {
  rank: 5,
  parents: ({ link, to }) => [...onLink(link), { key: linkKey(to), bond: 'breaks' }],
  equals: (desired, observed) => desired.to === observed.to,
})
