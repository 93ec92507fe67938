import { kindRules, onLink } from './rules.ts'

export const neighbourRules = kindRules('neighbour', {
  rank: 3,
  parents: neighbour => onLink(neighbour.link),
  equals: (desired, observed) => desired.mac === observed.mac,
})
