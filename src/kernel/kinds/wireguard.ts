import { isDeepStrictEqual } from 'node:util'
import type { WireguardPeerEntry } from '../entry.ts'
import { kindRules, onLink, sameWhereGiven } from './rules.ts'

export const wireguardRules = kindRules('wireguard', {
  rank: 3,
  parents: ({ link }) => onLink(link),
  equals: (desired, observed) => sameWhereGiven(desired, observed, ['publicKey', 'listenPort']),
})

/** A new key of a node takes the prefixes that its old one has: that peer must go first. */
export const wireguardPeerRules = kindRules('wireguard-peer', {
  rank: 4,
  parents: ({ link }) => onLink(link),
  equals: (desired, observed) =>
    isDeepStrictEqual(settingsOf(desired), settingsOf(observed)) &&
    (desired.endpoint === undefined || isDeepStrictEqual(desired.endpoint, observed.endpoint)),
  occupies: ({ link, allowedIps }) => allowedIps.map(prefix => `allowed ${prefix} dev ${link}`),
})

function settingsOf({ allowedIps, persistentKeepaliveSeconds = 0, presharedKey }: WireguardPeerEntry) {
  return { allowedIps: allowedIps.toSorted(), persistentKeepaliveSeconds, presharedKey }
}
