import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseConfiguration } from '../../cni/index.ts'
import { parseHostLocalConfig } from './host-local-config.ts'

function parse(ipam: object, extra: object = {}) {
  const common = { cniVersion: '1.1.0', name: 'lan', type: 'bridge' }
  const config = { ...common, ipam: { type: 'host-local', ...ipam }, ...extra }
  return parseHostLocalConfig(parseConfiguration(Buffer.from(JSON.stringify(config))))
}

test('the older form with one subnet is the first range set; the gateway defaults to the first host', () => {
  assert.deepEqual(
    parse({ subnet: '10.1.0.0/16', rangeStart: '10.1.2.0', ranges: [[{ subnet: 'fd00::/64' }]] }),
    {
      dataDir: '/var/lib/cni/networks',
      rangeSets: [
        [{ prefix: '10.1.0.0/16', rangeStart: '10.1.2.0', gateway: '10.1.0.1' }],
        [{ prefix: 'fd00::/64', gateway: 'fd00::1' }],
      ],
      routes: [],
      sticky: false,
    },
  )
})

test('ranges of the runtime come before those of the configuration', () => {
  const runtimeConfig = {
    ipRanges: [[{ subnet: '10.3.0.0/24', gateway: '10.3.0.9' }], [{ subnet: 'fd03::/64' }]],
  }
  const { rangeSets } = parse(
    { subnet: '10.1.0.0/16', ranges: [[{ subnet: '10.2.0.0/24' }]] },
    { runtimeConfig, capabilities: { ipRanges: true } },
  )
  assert.deepEqual(
    rangeSets.flat().map(range => [range.prefix, range.gateway]),
    [
      ['10.3.0.0/24', '10.3.0.9'],
      ['fd03::/64', 'fd03::1'],
      ['10.1.0.0/16', '10.1.0.1'],
      ['10.2.0.0/24', '10.2.0.1'],
    ],
  )
  assert.throws(() => parse({}, { runtimeConfig: { ipRanges: [[{ subnet: 'x' }]] } }), {
    code: 'cni.invalid-configuration',
    message: /runtimeConfig .*ipRanges/,
  })
})

test('of a /31 the first address is the gateway; what is empty is as good as absent', () => {
  const empty = { gateway: '', rangeStart: null, rangeEnd: '', exclude: [] }
  const nothing = { routes: null, dataDir: null, resolvConf: null, ranges: null, sticky: null }
  assert.deepEqual(parse({ subnet: '10.1.0.0/31', ...empty, ...nothing }), {
    dataDir: '/var/lib/cni/networks',
    rangeSets: [[{ prefix: '10.1.0.0/31', gateway: '10.1.0.0' }]],
    routes: [],
    sticky: false,
  })
})

test('all keys of a range and of a route', () => {
  const route = {
    dst: '10.9.0.0/16',
    gw: '10.1.0.7',
    mtu: 1400,
    advmss: 1360,
    priority: 9,
    table: 7,
    scope: 253,
  }
  const range = { rangeStart: '10.1.0.10', rangeEnd: '10.1.0.99', gateway: '10.1.0.1' }
  const exclude = ['10.1.0.40-10.1.0.49', '10.1.0.64/28']
  const config = parse({
    ranges: [[{ subnet: '10.1.0.0/24', ...range, exclude }]],
    routes: [route],
    sticky: true,
  })
  assert.deepEqual(config.rangeSets, [[{ prefix: '10.1.0.0/24', ...range, exclusions: exclude }]])
  assert.deepEqual([config.routes, config.sticky], [[route], true])
})

test('keys of other plugins pass, faulty ones are named', () => {
  assert.equal(parse({ subnet: '10.1.0.0/16', somethingElse: 1 }).rangeSets.length, 1)
  const faults: [object, RegExp][] = [
    [{ subnet: '10.1.0.1/16' }, /subnet/],
    [{ subnet: '10.1.0.0/16', gateway: 'x' }, /gateway/],
    [{ ranges: [[]] }, /ranges/],
    [{ ranges: [{ subnet: '10.1.0.0/16' }] }, /ranges/],
    [{ routes: [{ dst: 'everywhere' }] }, /routes/],
    [
      { ranges: [[{ subnet: '10.1.0.0/16' }, { subnet: 'fd00::/64' }]] },
      /ranges.*both IPv4 and IPv6 in one set/,
    ],
    [{ subnet: '10.1.0.0/16', exclude: ['10.1.0.9-10.1.0.1'] }, /exclude/],
    [{ ranges: [[{ subnet: '10.1.0.0/16' }]], exclude: ['10.1.0.9'] }, /exclude goes with subnet/],
    [{ subnet: '10.1.0.0/16', sticky: 'yes' }, /sticky/],
  ]
  for (const [ipam, message] of faults)
    assert.throws(() => parse(ipam), { code: 'cni.invalid-configuration', message })
})

test('results of before 0.3.0 have room for one address of a family', () => {
  const old = { cniVersion: '0.2.0' }
  assert.equal(
    parse({ ranges: [[{ subnet: '10.1.0.0/24' }], [{ subnet: 'fd00::/64' }]] }, old).rangeSets.length,
    2,
  )
  assert.throws(() => parse({ subnet: '10.1.0.0/24', ranges: [[{ subnet: '10.2.0.0/24' }]] }, old), {
    code: 'cni.invalid-configuration',
    message: /several range sets of a family, which CNI 0\.2\.0 cannot answer/,
  })
})
