import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Entry, formatEntry } from '../kernel/index.ts'
import { planPortmap } from './portmap.ts'
import { parsePortmapConfig } from './portmap-config.ts'

const plan = (portMappings: readonly object[], config: object = {}, ips = ['10.1.2.3/24']) =>
  planPortmap({
    network: 'pods',
    containerId: 'c1',
    ifName: 'eth0',
    prevResult: { interfaces: [], ips: ips.map(address => ({ address })), routes: [], dns: {} },
    config: parsePortmapConfig({ backend: 'iptables', ...config, runtimeConfig: { portMappings } }),
  })

/** Without what all rules have. */
function text(entries: readonly Entry[]): string[] {
  const lines = entries.flatMap(entry => formatEntry(entry).split('\n'))
  return lines.map(line =>
    line
      .replace(/tables -t nat /, ' ')
      .replace(/-m comment --comment '.*?' /, '')
      .replace(/PODLACE-PORT-[0-9a-f]{15}/, 'CHAIN'),
  )
}

test('a port: marked if it comes from the own subnet, and led to the pod', () => {
  const { host, shared, staleFlows } = plan([{ hostPort: 8080, containerPort: 80 }])
  assert.deepEqual(text(host), [
    'ip -N CHAIN',
    'ip -A CHAIN -s 10.1.2.0/24 -p tcp -m tcp --dport 8080 -j MARK --set-xmark 0x2000/0x2000',
    'ip -A CHAIN -p tcp -m tcp --dport 8080 -j DNAT --to-destination 10.1.2.3:80',
    'ip -A PREROUTING -p tcp -m multiport --dports 8080 -m addrtype --dst-type LOCAL -j CHAIN',
    "ip -A OUTPUT '!' -d 127.0.0.0/8 -p tcp -m multiport --dports 8080 -m addrtype --dst-type LOCAL -j CHAIN",
  ])
  assert.deepEqual(text(shared), [
    'ip -N PODLACE-MARK-13',
    'ip -A PODLACE-MARK-13 -j MASQUERADE --random-fully',
    'ip -A POSTROUTING -m mark --mark 0x2000/0x2000 -j PODLACE-MARK-13',
  ])
  assert.deepEqual(staleFlows, [])
})

test('IPv6, whoever comes, another bit', () => {
  const { host, shared } = plan([{ hostPort: 53, containerPort: 53, protocol: 'udp' }], BIT_AND_ALL, [
    'fd00::3/64',
  ])
  assert.deepEqual(text(host).slice(1, 3), [
    'ip6 -A CHAIN -s ::/0 -p udp -m udp --dport 53 -j MARK --set-xmark 0x80000000/0x80000000',
    "ip6 -A CHAIN -p udp -m udp --dport 53 -j DNAT --to-destination '[fd00::3]:53'",
  ])
  assert.equal(text(shared)[2], 'ip6 -A POSTROUTING -m mark --mark 0x80000000/0x80000000 -j PODLACE-MARK-31')
})

const BIT_AND_ALL = { masqAll: true, markMasqBit: 31 }

test('without snat nothing is marked, and nothing is shared', () => {
  const { host, shared } = plan([{ hostPort: 8080, containerPort: 80 }], { snat: false })
  assert.deepEqual(shared, [])
  assert.match(text(host).join(), /DNAT/)
  assert.doesNotMatch(text(host).join(), /MARK/)
})

test('a mapping of one address comes before one of all, and concerns its family alone', () => {
  const { host } = plan(
    [
      { hostPort: 80, containerPort: 1 },
      { hostPort: 80, containerPort: 2, hostIP: '192.0.2.1' },
    ],
    { snat: false },
    ['10.1.2.3/24', 'fd00::3/64'],
  )
  assert.deepEqual(
    text(host).filter(line => line.includes('DNAT')),
    [
      'ip -A CHAIN -d 192.0.2.1 -p tcp -m tcp --dport 80 -j DNAT --to-destination 10.1.2.3:2',
      'ip -A CHAIN -p tcp -m tcp --dport 80 -j DNAT --to-destination 10.1.2.3:1',
      "ip6 -A CHAIN -p tcp -m tcp --dport 80 -j DNAT --to-destination '[fd00::3]:1'",
    ],
  )
})

test('conditions: where one does not hold, the chain is left', () => {
  const conditionsV4 = [
    '!',
    '-d',
    '192.0.2.0/24',
    '-d',
    '192.0.0.0/16',
    '-i',
    'eth+',
    'ip',
    'saddr',
    '!=',
    '10.0.0.1',
  ]
  const { host } = plan([{ hostPort: 80, containerPort: 80 }], { conditionsV4 })
  assert.deepEqual(text(host).slice(1, 5), [
    'ip -A CHAIN -d 192.0.2.0/24 -j RETURN',
    "ip -A CHAIN '!' -d 192.0.0.0/16 -j RETURN",
    "ip -A CHAIN '!' -i eth+ -j RETURN",
    'ip -A CHAIN -s 10.0.0.1/32 -j RETURN',
  ])
})

test('sixteen ports take two rules, and a port that is mapped for two addresses one place', () => {
  const many = Array.from({ length: 16 }, (_, n) => ({ hostPort: 100 + n, containerPort: 80 }))
  const twice = [
    { hostPort: 9, containerPort: 1, hostIP: '192.0.2.1' },
    { hostPort: 9, containerPort: 2 },
  ]
  const jumps = text(plan([...many, ...twice.map(one => ({ ...one, protocol: 'udp' }))]).host).filter(line =>
    line.includes('-A PREROUTING'),
  )
  assert.deepEqual(
    jumps.map(line => /-p (\w+) .*--dports (\S+)/.exec(line)?.slice(1)),
    [
      ['tcp', '100,101,102,103,104,105,106,107,108,109,110,111,112,113,114'],
      ['tcp', '115'],
      ['udp', '9'],
    ],
  )
})

test('one port twice is refused; a mapping of the other family alone takes nothing', () => {
  const mapping = { hostPort: 1, containerPort: 1 }
  assert.throws(() => plan([mapping, { ...mapping, hostIP: '0.0.0.0' }]), /twice/)
  assert.deepEqual(plan([{ ...mapping, hostIP: '2001:db8::1' }]).host, [])
})
