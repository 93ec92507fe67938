import { hash } from 'node:crypto'
import type { Family } from '../ip/index.ts'
import type { NftChain, NftMatch, NftRule, NftSet, NftTableEntry } from '../kernel/index.ts'
import { LOOPBACK } from './known-prefixes.ts'
import { PORTMAP_BIT } from './mark-bits.ts'
import type { PortmapConfig } from './portmap-config.ts'

const COMMON_NAME = 'podlace-portmap'

/** dstnat is -100: Services come first, whoever makes them; a host port takes what they leave (CVE-2019-9946). */
const DESTINATION_NAT_PRIORITY = -90
/** raw of nftables: before connection tracking knows what a packet belongs to. */
const RAW_PRIORITY = -300
/** srcnat of nftables. */
const SOURCE_NAT_PRIORITY = 100

const COMMENT = 'host ports'

/**
 * The rules of host ports, equal for all pods of a configuration: what goes to an address of this machine, and to no
 * other, is looked up in two maps; what the host sends to itself by 127.0.0.1, in a third.
 *
 * That one leaves only if the pod's link has route_localnet, by which neighbours on the link reach whatever the host
 * serves to itself (CVE-2020-8558). So what comes in from elsewhere to or from 127.0.0.0/8 is dropped before anything
 * looks at it; answers to what was translated have another address then.
 */
export function portmapTable(family: Family, { conditions, markMasqBit }: PortmapConfig): NftTableEntry {
  const own = conditions[family]
  // Most pods have this one: the same object is never compared part by part.
  if (own.length === 0 && markMasqBit === PORTMAP_BIT) return COMMON_TABLES[family]
  // Configurations that differ in what the rules say have a table each.
  const name = `${COMMON_NAME}-${hash('sha256', JSON.stringify([markMasqBit, own]), 'hex').slice(0, 8)}`
  return makeTable(family, name, own, markMasqBit)
}

function makeTable(
  family: Family,
  name: string,
  conditions: readonly NftMatch[],
  markMasqBit: number,
): NftTableEntry {
  const bit = (1 << markMasqBit) >>> 0
  const mark = { value: bit, mask: bit }
  const address = family === 4 ? 'ipv4_addr' : 'ipv6_addr'
  const target = [address, 'inet_service'] as const
  return {
    kind: 'nft-table',
    family: family === 4 ? 'ip' : 'ip6',
    name,
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
      ...(family === 4 ? [loopbackPorts] : []),
    ],
    chains: [
      ...(family === 4 ? [loopbackOnly] : []),
      entrance('prerouting', conditions),
      withLoopback(
        family,
        entrance('output', [...conditions, { on: 'destination', prefix: LOOPBACK[family], not: true }]),
        conditions,
        mark,
      ),
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

/** Where what the host sends to itself by 127.0.0.1 is looked up. */
export const LOOPBACK_MAP = 'loopback'

const loopbackPorts: NftSet = {
  name: LOOPBACK_MAP,
  type: 'map',
  interval: false,
  key: ['inet_proto', 'inet_service'],
  value: ['ipv4_addr', 'inet_service'],
}

const loopbackOnly: NftChain = {
  name: 'loopback-only',
  hook: { type: 'filter', hook: 'prerouting', priority: RAW_PRIORITY, policy: 'accept' },
  rules: (['destination', 'source'] as const).map(on => ({
    comment: `${on} 127.0.0.0/8 from elsewhere`,
    match: [
      { on: 'in-link', name: 'lo', not: true },
      { on, prefix: LOOPBACK[4] },
    ],
    counter: true,
    verdict: { do: 'drop' },
  })),
}

function withLoopback(
  family: Family,
  output: NftChain,
  conditions: readonly NftMatch[],
  mark: { readonly value: number; readonly mask: number },
): NftChain {
  if (family === 6) return output
  const rule: NftRule = {
    comment: COMMENT,
    match: [...conditions, { on: 'destination', prefix: LOOPBACK[4] }],
    verdict: { do: 'dnat', on: ['protocol', 'destination-port'], map: LOOPBACK_MAP, mark },
  }
  return { ...output, rules: [...output.rules, rule] }
}

const COMMON_TABLES: Readonly<Record<Family, NftTableEntry>> = {
  4: makeTable(4, COMMON_NAME, [], PORTMAP_BIT),
  6: makeTable(6, COMMON_NAME, [], PORTMAP_BIT),
}
