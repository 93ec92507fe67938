import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { formatEntry } from '../kernel/index.ts'
import type { NetworkConfig } from '../model/index.ts'
import { claimsOf } from './claims.ts'
import type { OverlayPeer, OverlaySelf } from './node.ts'
import { type OverlayPlan, overlayMtu, planNode, planPeer } from './plan.ts'
import { commands, dualPeer, dualStack, networkConfig, peer, self } from './testing.ts'

const vxlan = networkConfig()
const hostGateway = networkConfig({ backend: { type: 'host-gw' } })
const dualSelf = { ...self, podCidrs: ['10.244.1.0/24', 'fd00:10:0:1::/64'] }

const text = (plan: OverlayPlan) => plan.entries.map(({ value }) => formatEntry(value))

test('this node, vxlan', () => {
  const plan = planNode(vxlan, self)
  assert.deepEqual(plan.findings, [])
  assert.deepEqual(commands(plan), [
    'ip link add flannel.1 mtu 1450 address 02:00:00:00:00:01 alias podlace:overlay up ' +
      'type vxlan id 1 local 192.168.77.1 dev eth0 dstport 8472 nolearning',
    'sysctl -w net/ipv4/conf/flannel.1/rp_filter=2',
    'sysctl -w net/ipv6/conf/flannel.1/accept_ra=0',
    'sysctl -w net/ipv6/conf/flannel.1/addr_gen_mode=1',
    'ip address replace 10.244.1.0/32 dev flannel.1',
    'sysctl -w net/ipv4/conf/all/forwarding=1',
  ])
})

test('this node, vxlan over IPv6 as well: a twin of its own, 20 bytes less', () => {
  const plan = planNode(networkConfig(dualStack), dualSelf)
  assert.deepEqual(commands(plan).slice(5), [
    'ip link add flannel-v6.1 mtu 1430 address 02:00:00:00:06:01 alias podlace:overlay up ' +
      'type vxlan id 1 local fd77::1 dev eth0 dstport 8472 nolearning',
    'sysctl -w net/ipv6/conf/flannel-v6.1/accept_ra=0',
    'sysctl -w net/ipv6/conf/flannel-v6.1/addr_gen_mode=1',
    'ip -6 address replace fd00:10:0:1::/128 dev flannel-v6.1',
    'sysctl -w net/ipv4/conf/all/forwarding=1',
    'sysctl -w net/ipv6/conf/all/forwarding=1',
  ])
  assert.equal(overlayMtu(networkConfig(dualStack), dualSelf), 1430)
})

test('this node, every setting of the backend', () => {
  const backend = { type: 'vxlan', vni: 7, port: 4789, mtu: 1400, learning: true, gbp: true } as const
  assert.match(
    text(planNode(networkConfig({ backend }), self))[0] ?? '',
    /flannel\.7 mtu 1400 .* id 7 .* dstport 4789 learning gbp$/,
  )
})

test('this node, host-gw: no device', () => {
  assert.deepEqual(commands(planNode(hostGateway, self)), ['sysctl -w net/ipv4/conf/all/forwarding=1'])
  assert.equal(overlayMtu(hostGateway, self), 1500)
})

test('a kernel without IPv6 gets no sysctl of it, a network without masquerade no table', () => {
  const lines = text(planNode(networkConfig({ masquerade: false }), { ...self, hasIpv6: false }))
  assert.equal(
    lines.some(line => line.includes('ipv6') || line.startsWith('table')),
    false,
  )
})

test('the MAC of a VTEP follows from the name of its node', () => {
  const { vtepMac: _, vtepMac6: __, ...nameless } = self
  const macs = [nameless, nameless, { ...nameless, nodeName: 'node-2' }].map(
    node => / address (\S+)/.exec(text(planNode(vxlan, node))[0] ?? '')?.[1],
  )
  assert.match(macs[0] ?? '', /^[0-9a-f][26ae]:/)
  assert.equal(macs[0], macs[1])
  assert.notEqual(macs[0], macs[2])
})

const peers: readonly [
  what: string,
  config: NetworkConfig,
  self: OverlaySelf,
  peer: OverlayPeer,
  lines: string[],
][] = [
  [
    'vxlan: neighbour, FDB entry, route',
    vxlan,
    self,
    peer,
    [
      'ip neighbour replace 10.244.3.0 lladdr 02:00:00:00:00:03 dev flannel.1 nud permanent proto 113',
      'bridge fdb append 02:00:00:00:00:03 dev flannel.1 dst 192.168.77.3 self permanent',
      'ip route replace 10.244.3.0/24 via 10.244.3.0 dev flannel.1 onlink proto 113',
    ],
  ],
  [
    'vxlan, both families',
    networkConfig(dualStack),
    dualSelf,
    dualPeer,
    [
      'ip neighbour replace 10.244.3.0 lladdr 02:00:00:00:00:03 dev flannel.1 nud permanent proto 113',
      'bridge fdb append 02:00:00:00:00:03 dev flannel.1 dst 192.168.77.3 self permanent',
      'ip route replace 10.244.3.0/24 via 10.244.3.0 dev flannel.1 onlink proto 113',
      'ip -6 neighbour replace fd00:10:0:3:: lladdr 02:00:00:00:06:03 dev flannel-v6.1 nud permanent proto 113',
      'bridge fdb append 02:00:00:00:06:03 dev flannel-v6.1 dst fd77::3 self permanent',
      'ip -6 route replace fd00:10:0:3::/64 via fd00:10:0:3:: dev flannel-v6.1 onlink proto 113',
    ],
  ],
  [
    'direct routing on one link',
    networkConfig({ backend: { type: 'vxlan', directRouting: true } }),
    self,
    peer,
    ['ip route replace 10.244.3.0/24 via 192.168.77.3 dev eth0 proto 113'],
  ],
  [
    'direct routing, but a router between',
    networkConfig({ backend: { type: 'vxlan', directRouting: true } }),
    self,
    {
      ...peer,
      ipv4: {
        ...peer.ipv4,
        podCidr: '10.244.3.0/24',
        publicAddress: '192.168.78.3',
        data: { type: 'vxlan', identity: '02:00:00:00:00:03' },
      },
    },
    [
      'ip neighbour replace 10.244.3.0 lladdr 02:00:00:00:00:03 dev flannel.1 nud permanent proto 113',
      'bridge fdb append 02:00:00:00:00:03 dev flannel.1 dst 192.168.78.3 self permanent',
      'ip route replace 10.244.3.0/24 via 10.244.3.0 dev flannel.1 onlink proto 113',
    ],
  ],
  [
    'host-gw',
    networkConfig({ ...dualStack, backend: { type: 'host-gw' } }),
    dualSelf,
    { ...dualPeer, backendType: 'host-gw' },
    [
      'ip route replace 10.244.3.0/24 via 192.168.77.3 dev eth0 proto 113',
      'ip -6 route replace fd00:10:0:3::/64 via fd77::3 dev eth0 proto 113',
    ],
  ],
  ['a family that this node lacks', networkConfig(dualStack), { ...self, podCidrs: [] }, dualPeer, []],
  ['this node itself', vxlan, self, { ...peer, nodeName: 'node-1' }, []],
]

for (const [what, config, node, other, lines] of peers) {
  test(`peer: ${what}`, () => {
    const plan = planPeer(config, node, other)
    assert.deepEqual(text(plan), lines)
    assert.deepEqual(plan.findings, [])
  })
}

const vtep = (identity: string, vni = 1) => ({ type: 'vxlan', identity, vni }) as const
const with4 = (change: object): OverlayPeer => ({ ...peer, ipv4: { ...v4, ...change } })
const v4 = { podCidr: '10.244.3.0/24', publicAddress: '192.168.77.3', data: vtep('02:00:00:00:00:03') }

const faults: readonly [what: string, config: NetworkConfig, peer: OverlayPeer, text: RegExp][] = [
  [
    'a backend that nobody has',
    vxlan,
    { ...peer, backendType: 'ipsec' },
    /runs backend "ipsec", this network runs vxlan with VNI 1 at port 8472: its pods cannot be reached/,
  ],
  [
    'one that encrypts, which this network does not',
    vxlan,
    { ...peer, backendType: 'wireguard' },
    /runs backend "wireguard", this network runs vxlan/,
  ],
  [
    'no MAC',
    vxlan,
    { ...peer, ipv4: { podCidr: v4.podCidr, publicAddress: v4.publicAddress } },
    /does not tell the MAC/,
  ],
  [
    'our MAC',
    vxlan,
    with4({ data: vtep('02:00:00:00:00:01') }),
    /the MAC 02:00:00:00:00:01, which is that of node-1/,
  ],
  [
    'our address',
    vxlan,
    with4({ publicAddress: '192.168.77.1' }),
    /192\.168\.77\.1, which is that of node-1/,
  ],
  [
    'our block',
    vxlan,
    with4({ podCidr: '10.244.1.128/25' }),
    /10\.244\.1\.128\/25 overlaps 10\.244\.1\.0\/24 of node-1/,
  ],
  [
    'a block outside',
    vxlan,
    with4({ podCidr: '10.99.3.0/24' }),
    /lies outside the pod network 10\.244\.0\.0\/16/,
  ],
  ['the default route as a block', vxlan, with4({ podCidr: '0.0.0.0/0' }), /lies outside/],
  [
    'a block too large',
    vxlan,
    with4({ podCidr: '10.244.0.0/17' }),
    /larger than a node's block, which is a \/24/,
  ],
  ['host bits', vxlan, with4({ podCidr: '10.244.3.1/24' }), /is not a prefix/],
  [
    'host-gw over a router',
    hostGateway,
    { ...with4({ publicAddress: '192.168.78.3' }), backendType: 'host-gw' },
    /192\.168\.78\.3 is on no prefix of eth0 of node-1 \(192\.168\.77\.1\/24, fd77::1\/64\).*use backend vxlan/,
  ],
]

for (const [what, config, other, expected] of faults) {
  test(`finding, and no entries: ${what}`, () => {
    const plan = planPeer(config, self, other)
    assert.deepEqual(text(plan), [])
    assert.deepEqual(
      plan.findings.map(finding => finding.object),
      ['Node node-3'],
    )
    assert.match(plan.findings[0]?.text ?? '', expected)
  })
}

test('one family at fault leaves the other', () => {
  const broken = { ...dualPeer, ipv6: { podCidr: 'fd00:99::/64', publicAddress: 'fd77::3' } }
  const plan = planPeer(networkConfig(dualStack), dualSelf, broken)
  assert.equal(plan.entries.length, 3)
  assert.match(plan.findings[0]?.text ?? '', /fd00:99::\/64 lies outside/)
})

test('of two peers that claim overlapping blocks or one MAC, the older has it, on every node alike', () => {
  const rivals: readonly OverlayPeer[] = [
    {
      ...with4({ podCidr: '10.244.3.64/26', data: vtep('02:00:00:00:00:09') }),
      nodeName: 'node-9',
      createdAt: '2026-02-01T00:00:00Z',
    },
    { ...with4({ podCidr: '10.244.9.0/24' }), nodeName: 'node-9', createdAt: '2026-02-01T00:00:00Z' },
    { ...with4({}), nodeName: 'node-9', createdAt: peer.createdAt },
  ]
  for (const rival of rivals) {
    const older = planPeer(vxlan, self, peer, claimsOf(vxlan, rival))
    const younger = planPeer(vxlan, self, rival, claimsOf(vxlan, peer))
    assert.equal(older.entries.length, 3)
    assert.equal(younger.entries.length, 0)
    assert.match(younger.findings[0]?.text ?? '', /but Node node-3, which is older, has/)
  }
})

const slots = (other: OverlayPeer) => claimsOf(vxlan, other).map(claim => claim.slot)

test('claims that can collide share a slot, others do not', () => {
  assert.deepEqual(slots(with4({ podCidr: '10.244.3.64/26' })), slots(peer))
  assert.notDeepEqual(slots(with4({ podCidr: '10.244.4.0/24' })), slots(peer))
})

const own: readonly [what: string, config: NetworkConfig, change: Partial<OverlaySelf>, text: RegExp][] = [
  ['no block yet', vxlan, { podCidrs: [] }, /no pod CIDR yet/],
  ['a block outside', vxlan, { podCidrs: ['10.9.1.0/24'] }, /outside the pod network/],
  [
    'an MTU too large',
    networkConfig({ backend: { type: 'vxlan', mtu: 1480 } }),
    {},
    /1480 does not fit the uplink's 1500.*1450 or less/,
  ],
  [
    'an uplink without address',
    vxlan,
    { uplink: { device: 'eth0', mtu: 1500, addresses: [] } },
    /eth0 has no IPv4 address/,
  ],
  [
    'IPv6 on a small uplink',
    networkConfig(dualStack),
    { podCidrs: ['fd00:10:0:1::/64'], uplink: { ...self.uplink, mtu: 1300 } },
    /IPv6 needs an MTU of 1280, but 1230/,
  ],
]

for (const [what, config, change, expected] of own) {
  test(`finding on this node: ${what}`, () => {
    const { findings } = planNode(config, { ...self, ...change })
    assert.equal(findings[0]?.object, 'Node node-1')
    assert.match(findings[0]?.text ?? '', expected)
  })
}

test('a change of IPv6 alone changes entries of IPv6 alone', () => {
  const config = networkConfig(dualStack)
  const moved = {
    ...dualPeer,
    ipv6: {
      ...dualPeer.ipv6,
      podCidr: 'fd00:10:0:3::/64',
      publicAddress: 'fd77::33',
      data: vtep('02:00:00:00:06:33'),
    },
  }
  const before = text(planPeer(config, dualSelf, dualPeer))
  const after = text(planPeer(config, dualSelf, moved))
  assert.deepEqual(after.slice(0, 3), before.slice(0, 3))
  assert.notDeepEqual(after.slice(3), before.slice(3))
})

test('entries of different peers never share a key', () => {
  const octet = fc.integer({ min: 2, max: 255 })
  fc.assert(
    fc.property(fc.uniqueArray(octet, { minLength: 2, maxLength: 8 }), octets => {
      const keys = octets.flatMap(n => {
        const hex = n.toString(16).padStart(2, '0')
        const change = {
          podCidr: `10.244.${n}.0/24`,
          publicAddress: `192.168.77.${n}`,
          data: vtep(`02:00:00:00:01:${hex}`),
        }
        return planPeer(vxlan, self, { ...with4(change), nodeName: `n${n}` }).entries.map(entry => entry.key)
      })
      assert.equal(keys.length, octets.length * 3)
      assert.equal(new Set(keys).size, keys.length)
    }),
    { numRuns: 50 },
  )
})

/** The commands of a plan's chains, without comments. */
function chainCommands(config: NetworkConfig, iptablesFamilies: readonly (4 | 6)[]): string[] {
  return planNode(config, { ...dualSelf, iptablesFamilies })
    .entries.flatMap(({ value }) => (value.kind === 'iptables-chain' ? formatEntry(value).split('\n') : []))
    .map(line => line.replace(/-m comment --comment '[^']*' /, ''))
}

test('where there is iptables, the network passes its FORWARD, unless that is not wanted', () => {
  assert.deepEqual(chainCommands(networkConfig(dualStack), [6]), [
    'ip6tables -t filter -N PODLACE-OVERLAY',
    'ip6tables -t filter -A PODLACE-OVERLAY -s fd00:10::/48 -j ACCEPT',
    'ip6tables -t filter -A PODLACE-OVERLAY -d fd00:10::/48 -j ACCEPT',
    'ip6tables -t filter -I FORWARD -j PODLACE-OVERLAY',
  ])
  assert.equal(chainCommands(networkConfig(dualStack), [4, 6]).length, 8)
  assert.deepEqual(chainCommands(networkConfig({ ...dualStack, forwardRules: false }), [4, 6]), [])
  assert.deepEqual(chainCommands(networkConfig(dualStack), []), [])
})

test('a device whose checksums were spoilt leaves none to the network card, and that is said', () => {
  const summing = { ...self, softwareChecksums: ['flannel.1'] }
  const plan = planNode(networkConfig(), summing)
  assert.ok(commands(plan).includes('ethtool -K flannel.1 tx off'))
  assert.match(
    plan.findings.map(({ text }) => text).join(),
    /^packets that left through flannel\.1 arrived with wrong/,
  )
  assert.ok(!commands(planNode(networkConfig(), self)).some(line => line.startsWith('ethtool')))
  const other = networkConfig({ backend: { type: 'vxlan', vni: 2 } })
  assert.ok(!commands(planNode(other, summing)).some(line => line.startsWith('ethtool')))
  assert.deepEqual(planNode(other, summing).findings, [])
})
