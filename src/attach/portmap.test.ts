import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Entry, entryKey, formatEntry } from '../kernel/index.ts'
import { refuseTakenPorts } from './port-claims.ts'
import { type PortmapSpec, planPortmap } from './portmap.ts'
import { type PortMapping, parsePortmapConfig } from './portmap-config.ts'
import type { CniResult } from './result.ts'

const prevResult: CniResult = {
  interfaces: [
    { name: 'cni0' },
    { name: 'veth1', mac: '02:00:00:00:00:01' },
    { name: 'eth0', sandbox: '/run/netns/web-1' },
  ],
  ips: [
    { interface: 2, address: '10.1.2.3/24', gateway: '10.1.2.1' },
    { interface: 2, address: 'fd00:1::3/64' },
  ],
  routes: [],
  dns: {},
}

const plan = (portMappings: readonly object[], config: object = {}, change: Partial<PortmapSpec> = {}) =>
  planPortmap({
    network: 'pods',
    containerId: 'c1',
    ifName: 'eth0',
    prevResult,
    config: parsePortmapConfig({ ...config, runtimeConfig: { portMappings } }),
    ...change,
  })
const text = (entries: readonly Entry[]) => entries.map(formatEntry)
const elements = (entries: readonly Entry[]) =>
  text(entries).map(line => line.replace('nft add element ', '').replace('podlace-portmap ', ''))

test('a port of the host, for both families; the earlier result passes', () => {
  const { host, shared, pod, result, staleFlows } = plan([{ hostPort: 8080, containerPort: 80 }])
  assert.deepEqual(elements(host), [
    'ip ports { tcp . 8080 : 10.1.2.3 . 80 }',
    'ip loopback { tcp . 8080 : 10.1.2.3 . 80 }',
    'ip masquerade { 10.1.2.0/24 . 10.1.2.3 }',
    'ip masquerade { 127.0.0.0/8 . 10.1.2.3 }',
    'ip6 ports { tcp . 8080 : fd00:1::3 . 80 }',
    'ip6 masquerade { fd00:1::/64 . fd00:1::3 }',
  ])
  assert.deepEqual(shared.map(entryKey), [
    'nft-table ip podlace-portmap',
    'nft-table ip6 podlace-portmap',
    'sysctl ipv4/conf/cni0/route_localnet',
  ])
  assert.deepEqual(pod, [])
  assert.deepEqual(staleFlows, [])
  assert.equal(result, prevResult)
})

test('the rules', () => {
  const [table] = plan([{ hostPort: 8080, containerPort: 80 }], {
    conditionsV4: ['!', '-d', '192.0.2.0/24'],
  }).shared
  assert.ok(table?.kind === 'nft-table')
  assert.deepEqual(formatEntry({ ...table, name: 'podlace-portmap' }).split('\n'), [
    'table ip podlace-portmap {',
    '  map ports {',
    '    type inet_proto . inet_service : ipv4_addr . inet_service',
    '  }',
    '  map addresses {',
    '    type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service',
    '  }',
    '  set masquerade {',
    '    type ipv4_addr . ipv4_addr',
    '    flags interval',
    '  }',
    '  map loopback {',
    '    type inet_proto . inet_service : ipv4_addr . inet_service',
    '  }',
    '  chain loopback-only {',
    '    type filter hook prerouting priority -300; policy accept;',
    '    iifname != "lo" ip daddr 127.0.0.0/8 counter drop comment "destination 127.0.0.0/8 from elsewhere"',
    '    iifname != "lo" ip saddr 127.0.0.0/8 counter drop comment "source 127.0.0.0/8 from elsewhere"',
    '  }',
    '  chain prerouting {',
    '    type nat hook prerouting priority -90; policy accept;',
    '    ip daddr != 192.0.2.0/24 fib daddr type local goto mappings comment "host ports"',
    '  }',
    '  chain output {',
    '    type nat hook output priority -90; policy accept;',
    '    ip daddr != 192.0.2.0/24 ip daddr != 127.0.0.0/8 fib daddr type local goto mappings comment "host ports"',
    '    ip daddr != 192.0.2.0/24 ip daddr 127.0.0.0/8 meta mark set mark and 0xffffdfff xor 0x2000 ' +
      'dnat ip addr . port to meta l4proto . th dport map @loopback comment "host ports"',
    '  }',
    '  chain mappings {',
    '    meta mark set mark and 0xffffdfff xor 0x2000 ' +
      'dnat ip addr . port to ip daddr . meta l4proto . th dport map @addresses comment "host ports"',
    '    meta mark set mark and 0xffffdfff xor 0x2000 ' +
      'dnat ip addr . port to meta l4proto . th dport map @ports comment "host ports"',
    '  }',
    '  chain postrouting {',
    '    type nat hook postrouting priority 100; policy accept;',
    '    meta mark & 0x2000 == 0x2000 ip saddr . ip daddr @masquerade masquerade fully-random comment "host ports"',
    '  }',
    '}',
  ])
})

const cases: readonly [what: string, mapping: object, config: object, expected: string[]][] = [
  [
    'one address of the host has one family',
    { hostPort: 53, containerPort: 5353, protocol: 'UDP', hostIP: '192.0.2.1' },
    {},
    ['ip addresses { 192.0.2.1 . udp . 53 : 10.1.2.3 . 5353 }', 'ip masquerade { 10.1.2.0/24 . 10.1.2.3 }'],
  ],
  [
    'any address of a family',
    { hostPort: 53, containerPort: 53, protocol: 'sctp', hostIP: '::' },
    { snat: false },
    ['ip6 ports { sctp . 53 : fd00:1::3 . 53 }'],
  ],
  [
    'everybody masqueraded',
    { hostPort: 53, containerPort: 53, hostIP: '0.0.0.0' },
    { masqAll: true },
    [
      'ip ports { tcp . 53 : 10.1.2.3 . 53 }',
      'ip loopback { tcp . 53 : 10.1.2.3 . 53 }',
      'ip masquerade { 0.0.0.0/0 . 10.1.2.3 }',
    ],
  ],
  [
    "the host's own address",
    { hostPort: 53, containerPort: 53, hostIP: '127.0.0.1' },
    {},
    [
      'ip loopback { tcp . 53 : 10.1.2.3 . 53 }',
      'ip masquerade { 10.1.2.0/24 . 10.1.2.3 }',
      'ip masquerade { 127.0.0.0/8 . 10.1.2.3 }',
    ],
  ],
  [
    'an empty address is none',
    { hostPort: 53, containerPort: 53, hostIP: '' },
    { snat: false },
    ['ip ports { tcp . 53 : 10.1.2.3 . 53 }', 'ip6 ports { tcp . 53 : fd00:1::3 . 53 }'],
  ],
]

for (const [what, mapping, config, expected] of cases) {
  test(what, () => assert.deepEqual(elements(plan([mapping], config).host), expected))
}

test('flows of UDP are to be forgotten, where they went', () => {
  const { staleFlows } = plan([
    { hostPort: 53, containerPort: 53, protocol: 'udp', hostIP: '192.0.2.1' },
    { hostPort: 54, containerPort: 53, protocol: 'udp', hostIP: '::' },
    { hostPort: 54, containerPort: 53 },
  ])
  assert.deepEqual(staleFlows, [
    { family: 4, protocol: 17, destinationPort: 53, destination: '192.0.2.1' },
    { family: 6, protocol: 17, destinationPort: 54 },
  ])
})

test('nothing to map is nothing to do; addresses of other interfaces do not count', () => {
  assert.deepEqual([...plan([]).host, ...plan([]).shared], [])
  const elsewhere = { ...prevResult, ips: [{ interface: 1, address: '10.9.9.9/24' }, ...prevResult.ips] }
  const mapping = { hostPort: 1, containerPort: 1, hostIP: '0.0.0.0' }
  const [element] = elements(plan([mapping], { snat: false }, { prevResult: elsewhere }).host)
  assert.equal(element, 'ip ports { tcp . 1 : 10.1.2.3 . 1 }')
})

/** The first table of a plan with one mapping. */
const firstTable = (config: object) => plan([{ hostPort: 1, containerPort: 1 }], config).shared[0]
const tableName = (config: object) => {
  const table = firstTable(config)
  return table?.kind === 'nft-table' ? table.name : undefined
}

test('rules that differ stand in tables of their own, equal ones in one', () => {
  assert.equal(tableName({ markMasqBit: 13, snat: false, masqAll: true }), 'podlace-portmap')
  const other = tableName({ markMasqBit: 15 })
  assert.match(other ?? '', /^podlace-portmap-[0-9a-f]{8}$/)
  assert.equal(tableName({ markMasqBit: 15 }), other)
  assert.notEqual(tableName({ conditionsV4: ['-i', 'eth0'] }), other)
})

const conditions: readonly [tokens: string[], rule: string | RegExp][] = [
  [['-s', '10.0.0.0/8'], 'ip saddr 10.0.0.0/8'],
  [['!', '--destination', '192.0.2.1', '-i', 'eth+'], 'ip daddr != 192.0.2.1/32 iifname "eth*"'],
  [['ip', 'daddr', '!=', '192.0.2.0/24'], 'ip daddr != 192.0.2.0/24'],
  [['iifname', '!=', 'eth0'], 'iifname != "eth0"'],
  [['-p', 'tcp'], /unsupported field conditionsV4: "-p" is not known/],
  [['!'], /unsupported field conditionsV4: ""/],
  [['-s', 'fd00::/8'], /conditionsV4: "fd00::\/8" is not a prefix of IPv4/],
  [['-s'], /conditionsV4: "" is not a prefix of IPv4/],
  [['-i', 'a/b'], /conditionsV4: not the name of an interface/],
]

for (const [tokens, expected] of conditions) {
  test(`conditions ${tokens.join(' ')}`, () => {
    if (expected instanceof RegExp) return assert.throws(() => firstTable({ conditionsV4: tokens }), expected)
    const table = firstTable({ conditionsV4: tokens })
    assert.ok(
      table !== undefined &&
        formatEntry(table).includes(`    ${expected} fib daddr type local goto mappings`),
    )
  })
}

const refused: readonly [what: string, config: object, code: string, message: RegExp][] = [
  ['another backend', { backend: 'ipvs' }, 'invalid-configuration', /backend/],
  [
    'two ways to mark',
    { markMasqBit: 5, externalSetMarkChain: 'KUBE-MARK-MASQ' },
    'invalid-configuration',
    /choose one/,
  ],
  ['a bit that is none', { markMasqBit: 32 }, 'invalid-configuration', /markMasqBit/],
  [
    'a port that is none',
    { runtimeConfig: { portMappings: [{ hostPort: 0, containerPort: 80 }] } },
    'invalid-configuration',
    /hostPort/,
  ],
  [
    'an unknown protocol',
    { runtimeConfig: { portMappings: [{ hostPort: 1, containerPort: 80, protocol: 'icmp' }] } },
    'invalid-configuration',
    /none of tcp, udp and sctp/,
  ],
  [
    'an address that is none',
    { runtimeConfig: { portMappings: [{ hostPort: 1, containerPort: 80, hostIP: 'host' }] } },
    'invalid-configuration',
    /not an IP address/,
  ],
  [
    'loopback',
    {
      snat: false,
      runtimeConfig: { portMappings: [{ hostPort: 1, containerPort: 80, hostIP: '127.0.0.1' }] },
    },
    'unsupported-field',
    /hostIP 127\.0\.0\.1 leads to no pod/,
  ],
]

for (const [what, config, code, message] of refused) {
  test(`refused: ${what}`, () =>
    assert.throws(() => parsePortmapConfig(config), { code: `attach.${code}`, message }))
}

test('one port twice is refused', () => {
  const mapping = { hostPort: 1, containerPort: 1 }
  assert.throws(() => plan([mapping, { ...mapping, containerPort: 2 }]), {
    code: 'attach.invalid-configuration',
    message: /twice/,
  })
})

const claim = (
  hostPort: number,
  hostIP?: string,
  protocol: PortMapping['protocol'] = 'tcp',
): PortMapping => ({
  hostPort,
  containerPort: 80,
  protocol,
  ...(hostIP === undefined ? {} : { hostIP }),
})

const claims: readonly [wanted: PortMapping, other: PortMapping, taken: boolean][] = [
  [claim(80), claim(80), true],
  [claim(80), claim(81), false],
  [claim(80), claim(80, undefined, 'udp'), false],
  [claim(80), claim(80, '192.0.2.1'), true],
  [claim(80, '192.0.2.2'), claim(80, '192.0.2.1'), false],
  [claim(80, '0.0.0.0'), claim(80, '192.0.2.1'), true],
  [claim(80, '::'), claim(80, '192.0.2.1'), false],
  [claim(80, '192.0.2.1'), claim(80, '192.0.2.1'), true],
]

const name = ({ hostIP = 'any', protocol, hostPort }: PortMapping) => `${hostIP} ${protocol} ${hostPort}`
const refuse = (wanted: PortMapping, other: PortMapping) =>
  refuseTakenPorts([wanted], [{ owner: 'pod default/web-2', portMappings: [other] }])

for (const [wanted, other, taken] of claims) {
  test(`${name(wanted)} ${taken ? 'excludes' : 'goes with'} ${name(other)}`, () => {
    if (!taken) return refuse(wanted, other)
    assert.throws(() => refuse(wanted, other), {
      code: 'attach.host-port-taken',
      message: /leads to pod default\/web-2 already/,
    })
  })
}
