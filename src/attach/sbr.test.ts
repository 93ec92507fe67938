import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Entry, formatEntry } from '../kernel/index.ts'
import type { CniResult } from './result.ts'
import { planSbr, type SbrSpec } from './sbr.ts'
import { parseSbrConfig } from './sbr-config.ts'

const prevResult: CniResult = {
  interfaces: [
    { name: 'veth0' },
    { name: 'net1', sandbox: '/run/netns/a' },
    { name: 'eth0', sandbox: '/run/netns/a' },
  ],
  ips: [
    { interface: 1, address: '10.1.2.3/24', gateway: '10.1.2.1' },
    { interface: 2, address: '10.7.0.3/24', gateway: '10.7.0.1' },
    { interface: 1, address: 'fd00::3/64', gateway: 'fd00::1' },
  ],
  routes: [],
  dns: {},
}

const route = { kind: 'route', table: 254, metric: 0, link: 'net1' } as const
const connected = { ...route, dst: '10.1.2.0/24', source: '10.1.2.3', scope: 'link' } as const
const generic = { ...route, dst: '10.8.0.0/16', scope: 'link' } as const
const through = { ...route, dst: '10.9.0.0/16', gateway: '10.1.2.7' } as const
const byDefault = { ...route, dst: '0.0.0.0/0', gateway: '10.1.2.1' } as const
const connectedV6 = { ...route, dst: 'fd00::/64', metric: 256 } as const
const linkLocal = { ...route, dst: 'fe80::/64', metric: 256 } as const
const elsewhere = { ...route, dst: '10.7.0.0/24', link: 'eth0' } as const

const present: readonly Entry[] = [
  { kind: 'rule', family: 4, priority: 32766, table: 254 },
  { kind: 'rule', family: 4, priority: 10, src: '10.0.0.9/32', table: 100 },
  { ...route, dst: '10.66.0.0/16', table: 102 },
  connected,
  generic,
  through,
  byDefault,
  connectedV6,
  linkLocal,
  elsewhere,
]

const spec: Omit<SbrSpec, 'config'> = { network: 'n', containerId: 'c1', ifName: 'net1', prevResult, present }
const plan = (config: object, change: Partial<SbrSpec> = {}) =>
  planSbr({ ...spec, ...change, config: parseSbrConfig(config) })
const text = (entries: readonly Entry[] = []) =>
  entries.map(entry =>
    formatEntry(entry)
      .replace(/^ip( -6)? /, '')
      .replace(/ proto(col)? 113$/, ''),
  )

const rules = [
  'rule add from 10.1.2.3/32 lookup 101 priority 32765',
  'rule add from fd00::3/128 lookup 103 priority 32765',
]
const ownTables = [
  'route replace default via 10.1.2.1 dev net1 table 101',
  'route replace 10.1.2.0/24 dev net1 src 10.1.2.3 table 101 scope link',
  'route replace 10.8.0.0/16 dev net1 table 101 scope link',
  'route replace 10.9.0.0/16 via 10.1.2.7 dev net1 table 101',
  'route replace default via fd00::1 dev net1 table 103',
  'route replace fd00::/64 dev net1 metric 256 table 103',
]

test('a rule and a table for each address of the interface, to which its routes move', () => {
  const { pod, podDisplaced, podOnDelete, result, host, shared } = plan({})
  assert.deepEqual(text(pod), [...rules, ...ownTables])
  assert.deepEqual(podDisplaced, [connected, generic, through, byDefault, connectedV6])
  assert.deepEqual(text(podOnDelete?.remove), rules)
  assert.deepEqual(podOnDelete?.restore, [])
  assert.deepEqual([...host, ...shared], [])
  assert.equal(result, prevResult)
})

test('with source hints the subnets stay in the main table', () => {
  const { pod, podDisplaced } = plan({ addSourceHints: true })
  assert.deepEqual(text(pod), [
    ...rules,
    ...ownTables,
    'route replace 10.1.2.0/24 dev net1 src 10.1.2.3 scope link',
  ])
  assert.deepEqual(podDisplaced, [through, byDefault])
})

test('gateways of the configuration win, also outside the subnet', () => {
  const { pod } = plan({ gateways: ['FD00::FE', '192.0.2.1'] })
  const defaults = text(pod).filter(line => line.includes('default'))
  assert.deepEqual(defaults, [
    'route replace default via 192.0.2.1 dev net1 onlink table 101',
    'route replace default via fd00::fe dev net1 table 103',
  ])
})

test('a given table gets rules, and the routes stay', () => {
  const { pod, podDisplaced } = plan({ table: 5001 })
  assert.deepEqual(
    text(pod),
    rules.map(line => line.replace(/lookup \d+/, 'lookup 5001')),
  )
  assert.deepEqual(podDisplaced, [])
})

test('an address that names no interface counts; without a gateway it gets no default route', () => {
  const ips = [{ address: '10.1.2.3/24' }]
  const { pod } = plan({}, { prevResult: { ...prevResult, interfaces: [], ips }, present: [connected] })
  assert.deepEqual(text(pod), [
    'rule add from 10.1.2.3/32 lookup 100 priority 32765',
    'route replace 10.1.2.0/24 dev net1 src 10.1.2.3 table 100 scope link',
  ])
})

test('refused: an interface without addresses', () => {
  assert.throws(() => plan({}, { ifName: 'net9' }), {
    code: 'attach.invalid-configuration',
    message: /addresses of net9, and prevResult has none/,
  })
})

const refused: readonly [config: object, message: RegExp][] = [
  [{ gateways: ['10.0.0.1', '10.0.0.2'] }, /several IPv4 addresses, 10\.0\.0\.1, 10\.0\.0\.2/],
  [{ gateways: ['x'] }, /sbr .*gateways\.0: "x" is not an IP address/],
  [{ table: 0 }, /table: /],
  [{ table: 5, addSourceHints: true }, /with table no routes are moved/],
  [{ table: 5, gateways: ['10.0.0.1'] }, /with table no routes are moved/],
]

for (const [config, message] of refused) {
  test(`refused: ${JSON.stringify(config)}`, () =>
    assert.throws(() => parseSbrConfig(config), { code: 'attach.invalid-configuration', message }))
}
