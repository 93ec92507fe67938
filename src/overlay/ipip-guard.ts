import { formatPrefix } from '../ip/index.ts'
import type { NftElementEntry, NftMatch, NftTableEntry } from '../kernel/index.ts'
import type { OwnBlock } from './node.ts'

/** IPPROTO_IPIP. */
const isEncapsulated: NftMatch = { on: 'protocol', number: 4 }

const TABLE = { family: 'ip', name: 'podlace-ipip' } as const
const PEERS = 'peers'

/**
 * The tunnel itself takes packets of whoever sends them. Here only those of peers come to it, and pods send none out
 * of the pod network, where with their node's address they would pass for a peer's.
 */
export function ipipGuard({ network }: OwnBlock): NftTableEntry {
  const cluster = formatPrefix(network)
  const hook = { type: 'filter', priority: 0, policy: 'accept' } as const
  return {
    kind: 'nft-table',
    ...TABLE,
    sets: [{ name: PEERS, type: 'set', interval: false, key: ['ipv4_addr'] }],
    chains: [
      {
        name: 'input',
        hook: { ...hook, hook: 'input' },
        rules: [drop('from no peer', isEncapsulated, { on: 'source', set: PEERS, not: true })],
      },
      {
        name: 'forward',
        hook: { ...hook, hook: 'forward' },
        rules: [
          drop(
            'of a pod to a node',
            isEncapsulated,
            { on: 'source', prefix: cluster },
            { on: 'destination', prefix: cluster, not: true },
          ),
        ],
      },
    ],
  }
}

/** Lets a peer in. */
export function ipipPeer(publicAddress: string): NftElementEntry {
  const { family, name: table } = TABLE
  return { kind: 'nft-element', family, table, set: PEERS, key: [publicAddress] }
}

function drop(what: string, ...match: readonly NftMatch[]) {
  return {
    comment: `overlay: tunnel packet ${what}`,
    match,
    counter: true,
    verdict: { do: 'drop' },
  } as const
}
