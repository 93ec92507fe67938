import { kindRules } from './rules.ts'

/** Everything but the table is in the key; the kernel cannot change a rule in place. */
export const ruleRules = kindRules('rule', {
  rank: 6,
  equals: (desired, observed) => desired.table === observed.table,
  mustRecreate: () => true,
})
