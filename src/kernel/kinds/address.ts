import { hasCode } from '../../base/index.ts'
import { formatPrefix, parseInterfaceAddress } from '../../ip/index.ts'
import { kindRules, onLink, sameWhereGiven } from './rules.ts'

/**
 * Deleting the first address of a subnet takes the others of that subnet along (without promote_secondaries), so a
 * stale one goes before its successor comes: hence `occupies`.
 */
export const addressRules = kindRules('address', {
  rank: 2,
  parents: address => onLink(address.link),
  equals: (desired, observed) => sameWhereGiven(desired, observed, ['scope', 'noPrefixRoute']),
  mustRecreate: () => true,
  occupies: ({ address, link }) => subnetsOf(address).map(subnet => `subnet ${subnet} dev ${link}`),
})

/** None for text that is no address: the kernel's side refuses that one, and only that one. */
function subnetsOf(address: string): string[] {
  try {
    return [formatPrefix(parseInterfaceAddress(address).prefix)]
  } catch (error) {
    if (hasCode(error, 'ip')) return []
    throw error
  }
}
