import { hash } from 'node:crypto'
import type { Family } from '../ip/index.ts'
import type { NftChain, NftMatch, NftTableEntry } from '../kernel/index.ts'
import type { PortmapConfig } from './portmap-config.ts'

const TABLE = 'podlace-portmap'
const DEFAULT_BIT = 13

/** dstnat is -100: Services come first, whoever makes them; a host port takes what they leave (CVE-2019-9946). */
const DESTINATION_NAT_PRIORITY = -90
/** srcnat of nftables. */
const SOURCE_NAT_PRIORITY = 100

const LOOPBACK: Readonly<Record<Family, string>> = { 4: '127.0.0.0/8', 6: '::1/128' }
const COMMENT = 'host ports'

/**
 * The rules of host ports, equal for all pods of a configuration: what goes to an address of this machine, and to no
 * other, is looked up in two maps. What the host sends to itself over loopback stays where it is: it could not leave.
 */
export function portmapTable(family: Family, config: PortmapConfig): NftTableEntry {
  const conditions = config.conditions[family]
  const bit = (1 << config.markMasqBit) >>> 0
  const mark = { value: bit, mask: bit }
  const address = family === 4 ? 'ipv4_addr' : 'ipv6_addr'
  const target = [address, 'inet_service'] as const
  return {
    kind: 'nft-table',
    family: family === 4 ? 'ip' : 'ip6',
    name: tableName(config.markMasqBit, conditions),
    sets: [
      { name: 'ports', type: 'map', interval: false, key: ['inet_proto', 'inet_service'], value: target },
      {
        name: 'addresses',
        type: 'map',
        interval: false,
        key: [address, 'inet_proto', 'inet_service'],
        value: target,
      },
      { name: 'masquerade', type: 'set', interval: true, key: [address, address] },
    ],
    chains: [
      entrance('prerouting', conditions),
      entrance('output', [...conditions, { on: 'destination', prefix: LOOPBACK[family], not: true }]),
      {
        name: 'mappings',
        rules: [
          {
            comment: COMMENT,
            match: [],
            verdict: {
              do: 'dnat',
              on: ['destination', 'protocol', 'destination-port'],
              map: 'addresses',
              mark,
            },
          },
          {
            comment: COMMENT,
            match: [],
            verdict: { do: 'dnat', on: ['protocol', 'destination-port'], map: 'ports', mark },
          },
        ],
      },
      {
        name: 'postrouting',
        hook: { type: 'nat', hook: 'postrouting', priority: SOURCE_NAT_PRIORITY, policy: 'accept' },
        rules: [
          {
            comment: COMMENT,
            match: [
              { on: 'mark', ...mark },
              { on: ['source', 'destination'], set: 'masquerade' },
            ],
            verdict: { do: 'masquerade', fullyRandom: true },
          },
        ],
      },
    ],
  }
}

function entrance(hook: 'prerouting' | 'output', conditions: readonly NftMatch[]): NftChain {
  return {
    name: hook,
    hook: { type: 'nat', hook, priority: DESTINATION_NAT_PRIORITY, policy: 'accept' },
    rules: [
      {
        comment: COMMENT,
        match: [...conditions, { on: 'local-destination' }],
        verdict: { do: 'goto', chain: 'mappings' },
      },
    ],
  }
}

/** Configurations that differ in what the rules say have a table each. */
function tableName(markMasqBit: number, conditions: readonly NftMatch[]): string {
  if (markMasqBit === DEFAULT_BIT && conditions.length === 0) return TABLE
  return `${TABLE}-${hash('sha256', JSON.stringify([markMasqBit, conditions]), 'hex').slice(0, 8)}`
}
