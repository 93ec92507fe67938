import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { CniResult } from '../attach/index.ts'
import { formatResult, parseResult } from './result.ts'
import { CNI_VERSIONS } from './versions.ts'

const result: CniResult = {
  interfaces: [
    { name: 'cni0', mac: '02:00:00:00:00:01', mtu: 1450 },
    { name: 'veth1', mac: '02:00:00:00:00:02', mtu: 1450 },
    { name: 'eth0', mac: '02:00:00:00:00:03', mtu: 1450, sandbox: '/run/netns/web-1' },
  ],
  ips: [
    { interface: 2, address: '10.1.2.3/24', gateway: '10.1.2.1' },
    { interface: 2, address: 'fd00::3/64', gateway: 'fd00::1' },
  ],
  routes: [
    { dst: '0.0.0.0/0', gw: '10.1.2.1', mtu: 1400, priority: 5, table: 254, scope: 0 },
    { dst: '::/0' },
  ],
  dns: { nameservers: ['10.0.0.1'], search: ['cluster.local'] },
}

test('0.1.0 and 0.2.0: one address a family', () => {
  for (const version of ['0.1.0', '0.2.0'] as const) {
    assert.deepEqual(formatResult(result, version), {
      cniVersion: version,
      ip4: { ip: '10.1.2.3/24', gateway: '10.1.2.1', routes: [{ dst: '0.0.0.0/0', gw: '10.1.2.1' }] },
      ip6: { ip: 'fd00::3/64', gateway: 'fd00::1', routes: [{ dst: '::/0' }] },
      dns: { nameservers: ['10.0.0.1'], search: ['cluster.local'] },
    })
  }
})

test('0.3.0 to 0.4.0: addresses bear their family', () => {
  for (const version of ['0.3.0', '0.3.1', '0.4.0'] as const) {
    assert.deepEqual(formatResult(result, version), {
      cniVersion: version,
      interfaces: [
        { name: 'cni0', mac: '02:00:00:00:00:01' },
        { name: 'veth1', mac: '02:00:00:00:00:02' },
        { name: 'eth0', mac: '02:00:00:00:00:03', sandbox: '/run/netns/web-1' },
      ],
      ips: [
        { version: '4', interface: 2, address: '10.1.2.3/24', gateway: '10.1.2.1' },
        { version: '6', interface: 2, address: 'fd00::3/64', gateway: 'fd00::1' },
      ],
      routes: [{ dst: '0.0.0.0/0', gw: '10.1.2.1' }, { dst: '::/0' }],
      dns: result.dns,
    })
  }
})

test('1.0.0 drops the family, 1.1.0 adds MTU and route metrics', () => {
  const older = formatResult(result, '1.0.0')
  assert.deepEqual(older['ips'], result.ips)
  assert.deepEqual(older['routes'], [{ dst: '0.0.0.0/0', gw: '10.1.2.1' }, { dst: '::/0' }])
  assert.deepEqual(formatResult(result, '1.1.0'), { cniVersion: '1.1.0', ...result })
})

test('an attachment without addresses prints none', () => {
  const bare = { ...result, ips: [], routes: [] }
  assert.deepEqual(Object.keys(formatResult(bare, '1.1.0')), ['cniVersion', 'interfaces', 'dns'])
  assert.deepEqual(Object.keys(formatResult(bare, '0.2.0')), ['cniVersion', 'dns'])
})

test('null lists, as Go prints them, are empty lists', () => {
  assert.deepEqual(parseResult({ ips: null, routes: null }, '1.0.0'), {
    interfaces: [],
    ips: [],
    routes: [],
    dns: {},
  })
})

const refused: readonly [what: string, raw: Record<string, unknown>, message: RegExp][] = [
  [
    'no address',
    { ips: [{ address: '10.1.2.3' }] },
    /ips\.0\.address: .* is not an IP address with prefix length/,
  ],
  [
    'an interface that is not there',
    { ips: [{ address: '10.1.2.3/24', interface: 2 }] },
    /names interface 2 of 0/,
  ],
  ['a version of its own', { cniVersion: '3.0.0' }, /is not spoken here/],
  ['a broken gateway', { cniVersion: '0.2.0', ip4: { ip: '10.1.2.3/24', gateway: 'x' } }, /ip4\.gateway/],
]

for (const [what, raw, message] of refused) {
  test(`refused: ${what}`, () => assert.throws(() => parseResult(raw, '1.0.0'), { message }))
}

test('what is printed is read back, but for what an older version cannot say', () => {
  const octet = fc.integer({ min: 0, max: 255 })
  const address = fc.tuple(octet, octet).map(([a, b]) => `10.0.${a}.${b}/16`)
  const ip = address.map(text => ({ interface: 0, address: text, gateway: '10.0.0.1' }))
  const arbitrary = fc.record({
    interfaces: fc.constant([{ name: 'eth0', sandbox: '/x' }]),
    ips: fc.array(ip, { minLength: 1, maxLength: 3 }),
    routes: fc.array(fc.constant({ dst: '0.0.0.0/0', gw: '10.0.0.1' }), { maxLength: 2 }),
    dns: fc.constant({ domain: 'x' }),
  })
  fc.assert(
    fc.property(arbitrary, fc.constantFrom(...CNI_VERSIONS), (value, version) => {
      const back = parseResult(formatResult(value, version), version)
      if (version === '0.1.0' || version === '0.2.0') {
        assert.equal(back.ips[0]?.address, value.ips[0]?.address)
      } else assert.deepEqual(back, { ...value })
    }),
    { numRuns: 100 },
  )
})
