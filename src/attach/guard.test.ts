import assert from 'node:assert/strict'
import { test } from 'node:test'
import { entryKey, formatEntry, type NftTableEntry } from '../kernel/index.ts'
import { planBridge } from './bridge.ts'
import { parseBridgeConfig } from './bridge-config.ts'
import { type GuardedBy, type GuardedPort, guardElements, guardTables } from './guard.ts'
import type { AttachmentSpec } from './plan.ts'
import { planPtp } from './ptp.ts'
import { parsePtpConfig } from './ptp-config.ts'
import { attachmentSpec } from './testing.ts'

const port: GuardedPort = {
  link: 'veth1',
  mac: '02:00:00:00:00:02',
  ips: [{ address: '10.1.2.3/24' }],
  hasIpv6: true,
  trunk: false,
}

const cases: readonly [what: string, by: GuardedBy, change: Partial<GuardedPort>, elements: string[]][] = [
  [
    'a port of a bridge: a chain, the MAC, the addresses',
    'bridge',
    {},
    [
      'bridge podlace-guard ports { veth1 : goto pod }',
      'bridge podlace-guard macs { veth1 . 02:00:00:00:00:02 }',
      'bridge podlace-guard ipv4 { veth1 . 10.1.2.3 }',
      'bridge podlace-guard ipv6 { veth1 . fe80::ff:fe00:2 }',
    ],
  ],
  [
    'no IPv6 in the pod, no address of the link',
    'bridge',
    { hasIpv6: false },
    [
      'bridge podlace-guard ports { veth1 : goto pod }',
      'bridge podlace-guard macs { veth1 . 02:00:00:00:00:02 }',
      'bridge podlace-guard ipv4 { veth1 . 10.1.2.3 }',
    ],
  ],
  [
    'VLAN tags allowed',
    'bridge',
    { trunk: true, hasIpv6: false, ips: [{ address: 'fd00::2/64' }] },
    [
      'bridge podlace-guard ports { veth1 : goto trunk }',
      'bridge podlace-guard macs { veth1 . 02:00:00:00:00:02 }',
      'bridge podlace-guard ipv6 { veth1 . fd00::2 }',
    ],
  ],
  [
    'no addresses: the MAC alone',
    'bridge',
    { ips: [], trunk: true },
    [
      'bridge podlace-guard ports { veth1 : goto layer2 }',
      'bridge podlace-guard macs { veth1 . 02:00:00:00:00:02 }',
    ],
  ],
  [
    'no bridge: IP and ARP have a table each',
    'host',
    { ips: [{ address: '10.1.2.3/24' }, { address: 'fd00::2/64' }], hasIpv6: false },
    [
      'inet podlace-guard ports { veth1 : goto pod }',
      'inet podlace-guard macs { veth1 . 02:00:00:00:00:02 }',
      'inet podlace-guard ipv4 { veth1 . 10.1.2.3 }',
      'inet podlace-guard ipv6 { veth1 . fd00::2 }',
      'arp podlace-guard ports { veth1 : goto pod }',
      'arp podlace-guard macs { veth1 . 02:00:00:00:00:02 }',
      'arp podlace-guard ipv4 { veth1 . 10.1.2.3 }',
    ],
  ],
  [
    'no bridge and no addresses',
    'host',
    { ips: [] },
    [
      'inet podlace-guard ports { veth1 : goto layer2 }',
      'inet podlace-guard macs { veth1 . 02:00:00:00:00:02 }',
    ],
  ],
]

for (const [what, by, change, expected] of cases) {
  test(what, () => {
    const elements = guardElements(by, { ...port, ...change }).map(formatEntry)
    assert.deepEqual(
      elements,
      expected.map(text => `nft add element ${text}`),
    )
  })
}

const tables = guardTables([8472]).filter((entry): entry is NftTableEntry => entry.kind === 'nft-table')

for (const table of tables) {
  const rules = table.chains.flatMap(chain => chain.rules)

  test(`${table.family}: what is dropped is counted, and says why`, () => {
    const drops = rules.filter(({ verdict }) => verdict.do === 'drop')
    assert.ok(drops.length > 0)
    for (const { counter, comment } of drops) {
      assert.equal(counter, true, comment)
      assert.match(comment, /^guard: ./)
    }
  })

  test(`${table.family}: every chain and every set that is named is there`, () => {
    const chains = new Set(table.chains.map(({ name }) => name))
    const sets = new Set(table.sets.map(({ name }) => name))
    for (const { verdict, match } of rules) {
      if ('chain' in verdict) assert.ok(chains.has(verdict.chain), verdict.chain)
      if ('map' in verdict) assert.ok(sets.has(verdict.map), verdict.map)
      for (const one of match) if ('set' in one) assert.ok(sets.has(one.set), one.set)
    }
  })
}

test('the ports of the overlay are told to both tables that see UDP', () => {
  const [, , , ...elements] = guardTables([8472]).map(formatEntry)
  assert.deepEqual(elements, [
    'nft add element bridge podlace-guard tunnels { 8472 }',
    'nft add element inet podlace-guard tunnels { 8472 }',
  ])
})

const spec: AttachmentSpec = {
  ...attachmentSpec,
  ips: [{ address: '10.1.2.3/24' }],
}
const guardOf = (entries: Parameters<typeof entryKey>[0][]) =>
  entries.map(entryKey).filter(key => key.includes('podlace-guard'))

const bridge = (config: object, network = 'pods') =>
  planBridge({ ...spec, network, config: parseBridgeConfig(config) }, 'netns-7')
const ptp = (config: object) => planPtp({ ...spec, config: parsePtpConfig(config) }, 'netns-7')

test('pods are guarded unless the configuration says no; two networks share the tables', () => {
  const guarded = bridge({})
  assert.equal(guardOf([...guarded.host]).length, 4)
  assert.deepEqual(guardOf([...bridge({}, 'other').shared]), guardOf([...guarded.shared]))
  assert.deepEqual(guardOf([...bridge({ guard: false }).host, ...bridge({ guard: false }).shared]), [])
  const trunk = bridge({ vlanTrunk: [{ id: 5 }] }).host.map(formatEntry)
  assert.ok(trunk.some(text => text.endsWith(': goto trunk }')))
  const mac = bridge({ guard: false, macspoofchk: true })
  assert.deepEqual(
    guardOf([...mac.host]).map(key => key.split(' ')[3]),
    ['ports', 'macs'],
  )
  assert.equal(guardOf([...ptp({}).host]).length, 7)
  assert.deepEqual(guardOf([...ptp({ guard: false }).host, ...ptp({ guard: false }).shared]), [])
})
