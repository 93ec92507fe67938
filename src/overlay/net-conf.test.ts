import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatPrefix } from '../ip/index.ts'
import { parseEtcdNetConf, parseNetConf } from './net-conf.ts'

const spec = (text: string) => parseNetConf(text, { name: 'default', masquerade: true }).spec

const PSK = Buffer.alloc(32, 7).toString('base64')

const read: readonly [what: string, text: string, expected: object][] = [
  [
    'the file of most clusters',
    '{\n  "Network": "10.244.0.0/16",\n  "EnableNFTables": false,\n  "Backend": { "Type": "vxlan" }\n}\n',
    { network: '10.244.0.0/16', backend: { type: 'vxlan' } },
  ],
  ['no backend is udp', '{"Network":"10.0.0.0/8"}', { network: '10.0.0.0/8', backend: { type: 'udp' } }],
  [
    'every key of vxlan, in two families',
    `{"Network":"10.244.0.0/16","IPv6Network":"fd00:10::/56","EnableIPv6":true,"SubnetLen":25,"IPv6SubnetLen":72,
      "Backend":{"Type":"vxlan","VNI":4096,"Port":4789,"MTU":1400,"DirectRouting":true,"Learning":true,"GBP":true}}`,
    {
      network: '10.244.0.0/16',
      ipv6Network: 'fd00:10::/56',
      subnetLength: 25,
      ipv6SubnetLength: 72,
      backend: {
        type: 'vxlan',
        vni: 4096,
        port: 4789,
        mtu: 1400,
        directRouting: true,
        learning: true,
        gbp: true,
      },
    },
  ],
  [
    'IPv6 alone',
    '{"EnableIPv4":false,"EnableIPv6":true,"IPv6Network":"fd00:10::/62","Backend":{"Type":"host-gw"}}',
    { ipv6Network: 'fd00:10::/62', backend: { type: 'host-gw' } },
  ],
  [
    'a small network is cut into four, and so is a small one of IPv6',
    '{"Network":"10.0.0.0/26","EnableIPv6":true,"IPv6Network":"fd00::/80","Backend":{"Type":"vxlan"}}',
    {
      network: '10.0.0.0/26',
      subnetLength: 28,
      ipv6Network: 'fd00::/80',
      ipv6SubnetLength: 82,
      backend: { type: 'vxlan' },
    },
  ],
  [
    '0 and null are no values, and the type may be in capitals',
    '{"Network":"10.244.0.0/16","SubnetLen":0,"IPv6Network":null,"Backend":{"Type":"VXLAN","Port":0,"MTU":0}}',
    { network: '10.244.0.0/16', backend: { type: 'vxlan' } },
  ],
  [
    'ipip',
    '{"Network":"10.244.0.0/16","Backend":{"Type":"ipip","DirectRouting":true}}',
    { network: '10.244.0.0/16', backend: { type: 'ipip', directRouting: true } },
  ],
  [
    'every key of wireguard',
    `{"Network":"10.244.0.0/16","Backend":{"Type":"wireguard","ListenPort":7000,"ListenPortV6":7001,"MTU":1380,
      "PSK":"${PSK}","PersistentKeepaliveInterval":25,"Mode":"auto"}}`,
    {
      network: '10.244.0.0/16',
      backend: {
        type: 'wireguard',
        listenPort: 7000,
        listenPortV6: 7001,
        mtu: 1380,
        presharedKey: PSK,
        persistentKeepaliveSeconds: 25,
        mode: 'auto',
      },
    },
  ],
  [
    'an empty preshared key is none',
    '{"Network":"10.244.0.0/16","Backend":{"Type":"wireguard","PSK":""}}',
    { network: '10.244.0.0/16', backend: { type: 'wireguard' } },
  ],
]

for (const [what, text, expected] of read) {
  test(`read: ${what}`, () => assert.deepEqual(spec(text), { ...expected, masquerade: true }))
}

const lines = (...text: string[]) => text.join('\n')
const refused: readonly [what: string, text: string, message: RegExp, line?: number][] = [
  ['nothing', '', /net-conf\.json: is not JSON/],
  ['a word that is none, of which no more is told', '{"PSK":hush}', /is not JSON: Unexpected token 'h'$/],
  ['a comma too many', lines('{', '  "Network": "10.244.0.0/16",', '}'), /line 3: is not JSON/, 3],
  [
    'a preshared key that is none, of which nothing is told',
    lines('{"Network":"10.244.0.0/16","Backend":{"Type":"wireguard",', `"PSK":"${PSK.slice(1)}"}}`),
    /line 2: Backend\.PSK: expected a key of 32 bytes in base64, as `wg genpsk` makes it$/,
    2,
  ],
  ['a list', '[]', /expected an object like/],
  [
    'an unknown key',
    lines('{', '"Network": "10.244.0.0/16",', '"Subnet": 1}'),
    /line 3: Subnet: unknown key; known/,
    3,
  ],
  [
    'a key of another backend',
    lines('{"Network":"10.244.0.0/16",', '"Backend": {"Type": "host-gw",', '"VNI": 1}}'),
    /line 3: Backend\.VNI: unknown key; known here: Type$/,
    3,
  ],
  [
    'a backend that nobody has',
    '{"Network":"10.244.0.0/16","Backend":{"Type":"ipsec"}}',
    /Backend\.Type: expected one of vxlan, .*found "\\"ipsec\\""/,
    1,
  ],
  ['a backend without type', '{"Network":"10.244.0.0/16","Backend":{}}', /Backend\.Type: .*found nothing/],
  [
    'a VNI too large',
    lines('{"Network":"10.244.0.0/16","Backend":{"Type":"vxlan",', '"VNI":16777216}}'),
    /line 2: Backend\.VNI: expected a whole number from 1 to 16777215, found 16777216/,
    2,
  ],
  ['words for a network', '{"Network":"everything"}', /line 1: Network: expected an IPv4 prefix/, 1],
  ['no network', '{"Backend":{"Type":"vxlan"}}', /EnableIPv4: is true, so expected Network, found none/],
  [
    'IPv6 that is not enabled',
    lines('{"Network":"10.244.0.0/16",', '"IPv6Network":"fd00::/48"}'),
    /line 2: IPv6Network: is given, but EnableIPv6 is not true/,
    2,
  ],
  [
    'IPv6 without a network',
    '{"Network":"10.0.0.0/8","EnableIPv6":true}',
    /expected IPv6Network, found none/,
  ],
  ['half a truth', '{"Network":"10.0.0.0/8","EnableIPv6":"yes"}', /EnableIPv6: expected true or false/],
  [
    'two values of one key',
    lines('{"Network":"10.0.0.0/8",', '"Network":"10.244.0.0/16"}'),
    /Network: is given twice/,
    2,
  ],
  [
    'a range of blocks',
    '{"Network":"10.0.0.0/8","SubnetMin":"10.1.0.0"}',
    /SubnetMin: which block a node gets/,
  ],
  ['a block larger than all', '{"Network":"10.0.0.0/26","SubnetLen":24}', /subnetLength of at least 26/],
  ['a prototype', '{"Network":"10.0.0.0/8","__proto__":{}}', /__proto__: unknown key/],
]

for (const [what, text, message, line] of refused) {
  test(`refused: ${what}`, () => {
    assert.throws(() => spec(text), {
      code: 'overlay.net-conf',
      message,
      ...(line === undefined ? {} : { payload: { code: 'overlay.net-conf', line } }),
    })
  })
}

const inEtcd = (text: object) => {
  const { config, ranges } = parseEtcdNetConf(JSON.stringify(text), { name: 'default', masquerade: true })
  const formatted = ranges.map(({ first, last }) => `${formatPrefix(first)} ... ${formatPrefix(last)}`)
  return { length: config.spec.subnetLength, ranges: formatted }
}

test('in etcd nodes leave out the first block', () => {
  assert.deepEqual(inEtcd({ Network: '10.5.0.0/16' }).ranges, ['10.5.1.0/24 ... 10.5.255.0/24'])
  assert.deepEqual(inEtcd({ Network: '10.5.0.0/28' }), {
    length: 30,
    ranges: ['10.5.0.4/30 ... 10.5.0.12/30'],
  })
})

test('in etcd the blocks may be bounded, in two families', () => {
  const given = {
    Network: '10.5.0.0/16',
    EnableIPv6: true,
    IPv6Network: 'fd00:5::/56',
    SubnetMin: '10.5.10.0',
    SubnetMax: '10.5.99.0',
    IPv6SubnetMin: 'fd00:5:0:10::',
    IPv6SubnetMax: '::',
  }
  assert.deepEqual(inEtcd(given).ranges, [
    '10.5.10.0/24 ... 10.5.99.0/24',
    'fd00:5:0:10::/64 ... fd00:5:0:ff::/64',
  ])
})

for (const [given, message] of [
  [{ Network: '10.5.0.0/23', SubnetLen: 24 }, /Network: has room for less than four blocks of \/24/],
  [{ EnableIPv4: false, EnableIPv6: true, IPv6Network: 'fd00::/56' }, /Network: is missing: in etcd/],
  [
    { Network: '10.5.0.0/16', SubnetMin: '10.6.0.0' },
    /SubnetMin: 10\.6\.0\.0 is not the beginning of a \/24/,
  ],
  [{ Network: '10.5.0.0/16', SubnetMin: '10.5.0.7' }, /SubnetMin: 10\.5\.0\.7 is not the beginning/],
  [{ Network: '10.5.0.0/16', SubnetMin: 'fd00::' }, /SubnetMin: fd00:: is not the beginning/],
  [{ Network: '10.5.0.0/16', SubnetMax: 7 }, /SubnetMax: expected an address, found 7/],
  [{ Network: '10.5.0.0/16', SubnetMin: '10.5.9.0', SubnetMax: '10.5.8.0' }, /no block is left/],
] as const) {
  test(`refused in etcd: ${JSON.stringify(given)}`, () => {
    assert.throws(() => inEtcd(given), { code: 'overlay.net-conf', message })
  })
}
