import { isDeepStrictEqual } from 'node:util'
import { tableKey } from './nft-table.ts'
import { kindRules } from './rules.ts'

/** An element of a map changes by delete and add in one transaction: the kernel refuses another value under a key. */
export const nftElementRules = kindRules('nft-element', {
  rank: -1,
  parents: element => [{ key: tableKey(element.family, element.table), bond: 'vanishes' }],
  equals: (desired, observed) => isDeepStrictEqual(desired.value, observed.value),
  mustRecreate: () => true,
})
