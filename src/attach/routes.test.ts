import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatEntry } from '../kernel/index.ts'
import type { CniIp, CniRoute } from './result.ts'
import { podRoutes, routeEntries } from './routes.ts'

const ips: readonly CniIp[] = [
  { address: '10.1.2.3/24', gateway: '10.1.2.1' },
  { address: 'fd00::3/64', gateway: 'fd00::1' },
]

const cases: readonly [what: string, ips: readonly CniIp[], route: CniRoute, text: string][] = [
  ['its own gateway', ips, { dst: '10.9.0.0/16', gw: '10.1.2.7' }, '10.9.0.0/16 via 10.1.2.7 dev eth0'],
  ['the gateway of the address', ips, { dst: '10.9.0.0/16' }, '10.9.0.0/16 via 10.1.2.1 dev eth0'],
  ['host bits are dropped', ips, { dst: '10.9.1.2/16' }, '10.9.0.0/16 via 10.1.2.1 dev eth0'],
  [
    'everything 1.1.0 brought',
    ips,
    { dst: '10.9.0.0/16', mtu: 1400, advmss: 1300, priority: 5, table: 100, scope: 0 },
    '10.9.0.0/16 via 10.1.2.1 dev eth0 metric 5 table 100 scope global mtu 1400 advmss 1300',
  ],
  ['IPv6', ips, { dst: 'fd01::/64' }, 'fd01::/64 via fd00::1 dev eth0'],
  [
    'zeros, which are the same as nothing',
    ips,
    { dst: '10.9.0.0/16', mtu: 0, advmss: 0, priority: 0, table: 0 },
    '10.9.0.0/16 via 10.1.2.1 dev eth0',
  ],
  [
    'more than the kernel takes',
    ips,
    { dst: '10.9.0.0/16', mtu: 70_000, advmss: 70_000 },
    '10.9.0.0/16 via 10.1.2.1 dev eth0 mtu 65520 advmss 65495',
  ],
  [
    'the scope of the link, where the address has a gateway',
    ips,
    { dst: '10.9.0.0/16', scope: 253 },
    '10.9.0.0/16 dev eth0 scope link',
  ],
  [
    'the scope of the site',
    ips,
    { dst: '10.9.0.0/16', scope: 200 },
    '10.9.0.0/16 via 10.1.2.1 dev eth0 scope site',
  ],
  ['IPv6 has no scopes', ips, { dst: 'fd01::/64', scope: 253 }, 'fd01::/64 via fd00::1 dev eth0'],
  [
    'no gateway at all',
    [{ address: '10.1.2.3/24' }],
    { dst: '10.9.0.0/16' },
    '10.9.0.0/16 dev eth0 scope link',
  ],
  [
    'a gateway outside the prefix',
    [{ address: '10.1.2.3/32', gateway: '169.254.1.1' }],
    { dst: '0.0.0.0/0' },
    'default via 169.254.1.1 dev eth0 onlink',
  ],
]

for (const [what, addresses, route, text] of cases) {
  test(`route: ${what}`, () => {
    const [entry, ...more] = routeEntries(addresses, [route, route], 'eth0').map(formatEntry)
    assert.equal(entry?.replace(/^ip( -6)? route replace /, ''), `${text} proto 113`)
    assert.deepEqual(more, [])
  })
}

const refused: readonly [what: string, route: CniRoute, message: RegExp][] = [
  ['a gateway of the other family', { dst: '10.0.0.0/8', gw: 'fd00::1' }, /must be an IPv4/],
  ['an unknown scope', { dst: '10.0.0.0/8', scope: 7 }, /known are 0 \(universe\), 200/],
  [
    'a gateway beyond the scope of the link',
    { dst: '10.0.0.0/8', gw: '10.1.2.7', scope: 253 },
    /10\.1\.2\.7, and scope 253/,
  ],
]

for (const [what, route, message] of refused) {
  test(`refused: ${what}`, () => {
    assert.throws(() => routeEntries(ips, [route], 'eth0'), { code: 'attach.invalid-configuration', message })
  })
}

test('a default route is added to each family that has none', () => {
  const own = { dst: '0.0.0.0/0' }
  assert.deepEqual(podRoutes(ips, [own], true), [own, { dst: '::/0', gw: 'fd00::1' }])
  assert.deepEqual(podRoutes(ips, [], false), [])
  const elsewhere = [{ dst: '0.0.0.0/0', gw: '10.1.2.9' }]
  assert.throws(() => podRoutes(ips, elsewhere, true), {
    code: 'attach.invalid-configuration',
    message: /10\.1\.2\.9/,
  })
})
