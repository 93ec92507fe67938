/** Nodes of one network whose agents have not all heard of its present configuration. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { BackendConfig } from '../model/index.ts'
import type { OverlayPeer } from './node.ts'
import { type OverlayPlan, planAnnounced, planNode, planPeer } from './plan.ts'
import { commands, dualPeer, dualStack, networkConfig, peer, plainPeer, self, udpPeer } from './testing.ts'

/** What tells the ways apart: devices, routes, and who is let in. */
function essence(plan: OverlayPlan): string[] {
  const lines = commands(plan).filter(line => /link add|route|element/.test(line))
  const effects = plan.effects.map(({ key }) => key)
  return [
    ...lines.map(line => line.replace(/ (mtu|address|alias|local|dev eth0) .*? type/, ' type')),
    ...effects,
  ]
}

const vxlanPeer = (vni: number, port: number): OverlayPeer => {
  const { ipv4 } = peer
  assert.ok(ipv4?.data?.type === 'vxlan')
  return { ...peer, ipv4: { ...ipv4, data: { ...ipv4.data, vni, port } } }
}
const route = (by: string) => `ip route replace 10.244.3.0/24 ${by} proto 113`
const letIn = 'nft add element ip podlace-ipip peers { 192.168.77.3 }'
const vxlanDevice = (name: string, vni: number, port: number) =>
  `ip link add ${name} type vxlan id ${vni} local 192.168.77.1 dev eth0 dstport ${port} nolearning`

const cases: readonly [
  what: string,
  own: BackendConfig,
  peer: OverlayPeer,
  lines: string[],
  notice: RegExp,
][] = [
  [
    'host-gw in a network of vxlan',
    { type: 'vxlan' },
    plainPeer('host-gw'),
    [route('via 192.168.77.3 dev eth0')],
    /runs backend host-gw, this network runs vxlan with VNI 1 at port 8472: it is reached its way until/,
  ],
  [
    'vxlan in a network of host-gw',
    { type: 'host-gw' },
    vxlanPeer(1, 8472),
    [route('via 10.244.3.0 dev flannel.1 onlink'), vxlanDevice('flannel.1', 1, 8472)],
    /runs backend vxlan with VNI 1 at port 8472, this network runs host-gw/,
  ],
  [
    'another VNI',
    { type: 'vxlan' },
    vxlanPeer(2, 8472),
    [route('via 10.244.3.0 dev flannel.2 onlink'), vxlanDevice('flannel.2', 2, 8472)],
    /runs backend vxlan with VNI 2 at port 8472, this network runs vxlan with VNI 1 at port 8472/,
  ],
  [
    'another port: the known name is that of the own device',
    { type: 'vxlan', port: 4789 },
    vxlanPeer(1, 8472),
    [route('via 10.244.3.0 dev vx4-1-2118 onlink'), vxlanDevice('vx4-1-2118', 1, 8472)],
    /at port 8472, this network runs vxlan with VNI 1 at port 4789/,
  ],
  [
    'vxlan in a network of ipip: it may send our way soon',
    { type: 'ipip' },
    vxlanPeer(1, 8472),
    [route('via 10.244.3.0 dev flannel.1 onlink'), vxlanDevice('flannel.1', 1, 8472), letIn],
    /this network runs ipip/,
  ],
  [
    'ipip in a network of host-gw',
    { type: 'host-gw' },
    plainPeer('ipip'),
    [
      letIn,
      route('via 192.168.77.3 dev flannel.ipip onlink'),
      'ip link add flannel.ipip type ipip local 192.168.77.1 nopmtudisc',
    ],
    /runs backend ipip/,
  ],
  [
    'udp in a network of vxlan',
    { type: 'vxlan' },
    plainPeer('udp'),
    ['ip route replace 10.244.0.0/16 dev flannel0 proto 113', 'tunnel-peer 10.244.3.0/24', 'tunnel'],
    /runs backend udp/,
  ],
  [
    'host-gw in a network of udp',
    { type: 'udp' },
    plainPeer('host-gw'),
    [route('via 192.168.77.3 dev eth0'), 'tunnel-peer 10.244.3.0/24'],
    /this network runs udp/,
  ],
]

for (const [what, backend, other, lines, notice] of cases) {
  test(`a peer is reached the way that it announces: ${what}`, () => {
    const plan = planPeer(networkConfig({ backend }), self, other)
    assert.deepEqual(essence(plan), lines)
    assert.match(plan.findings.map(({ text }) => text).join('\n'), notice)
  })
}

test('nothing encrypted is sent in the clear because a peer says so', () => {
  const config = networkConfig({ backend: { type: 'wireguard' } })
  for (const other of [vxlanPeer(1, 8472), plainPeer('host-gw')]) {
    const plan = planPeer(config, { ...self, wireguardKey: 'key' }, other)
    assert.deepEqual(plan.entries, [])
    assert.match(plan.findings[0]?.text ?? '', /cannot be reached until both are the same/)
  }
})

test('a peer of which nothing can be used gets no device of its backend', () => {
  const { ipv4 } = vxlanPeer(2, 8472)
  assert.ok(ipv4 !== undefined)
  const outside = { ...peer, ipv4: { ...ipv4, podCidr: '10.99.3.0/24' } }
  assert.deepEqual(planPeer(networkConfig(), self, outside).entries, [])
})

test('families that tell different VNIs: one stays out', () => {
  const { ipv6 } = dualPeer
  assert.ok(ipv6?.data?.type === 'vxlan')
  const torn = { ...dualPeer, ipv6: { ...ipv6, data: { ...ipv6.data, vni: 9 } } }
  const config = networkConfig({ network: '10.244.0.0/16', ipv6Network: 'fd00:10::/48' })
  const plan = planPeer(config, { ...self, podCidrs: ['10.244.1.0/24', 'fd00:10:0:1::/64'] }, torn)
  assert.equal(plan.entries.length, 3)
  assert.match(plan.findings[0]?.text ?? '', /VNI 9/)
})

test('a node receives the way that its object tells, until it tells another', () => {
  const announced = { ...vxlanPeer(1, 8472), nodeName: self.nodeName }
  assert.deepEqual(essence(planAnnounced(networkConfig({ backend: { type: 'host-gw' } }), self, announced)), [
    vxlanDevice('flannel.1', 1, 8472),
  ])
  assert.deepEqual(planAnnounced(networkConfig(), self, announced).entries, [])
  assert.deepEqual(planAnnounced(networkConfig(), self, { ...announced, backendType: 'ipsec' }).entries, [])
})

test('what is made for a peer of another backend is what the node would make for itself', () => {
  const forPeer = planPeer(networkConfig({ backend: { type: 'host-gw' } }), self, vxlanPeer(1, 8472))
  const own = planNode(networkConfig({ backend: { type: 'vxlan' }, masquerade: false }), self)
  const keys = new Set(forPeer.entries.map(({ key }) => key))
  const missing = commands(own).filter(line => !commands(forPeer).includes(line))
  assert.deepEqual(missing, ['sysctl -w net/ipv4/conf/all/forwarding=1'])
  assert.ok(keys.has('link flannel.1'))
})

test('pods are to be kept from the ports that are announced, here and by the peer', () => {
  const hostGw = networkConfig({ backend: { type: 'host-gw' } })
  const announced = { ...vxlanPeer(1, 4789), nodeName: self.nodeName }
  assert.deepEqual(planAnnounced(hostGw, self, announced).tunnelPorts, [4789])
  assert.deepEqual(planPeer(hostGw, self, vxlanPeer(1, 4789)).tunnelPorts, [4789])
  const udp = networkConfig({ backend: { type: 'udp', port: 8285 } })
  assert.deepEqual(planNode(udp, self).tunnelPorts, [8285])
  assert.deepEqual(planPeer(udp, self, udpPeer(9285)).tunnelPorts, [9285])
  // The network's own is claimed once, and what pods want of others is left to them.
  assert.deepEqual(planPeer(udp, self, udpPeer(8285)).tunnelPorts, [])
  assert.deepEqual(planPeer(udp, self, udpPeer(53)).tunnelPorts, [])
  assert.deepEqual(planPeer(hostGw, self, plainPeer('host-gw')).tunnelPorts, [])
})

function vxlanDevices(vni: number): string[] {
  const config = networkConfig({ ...dualStack, backend: { type: 'vxlan', vni } })
  const dualSelf = { ...self, podCidrs: ['10.244.1.0/24', 'fd00:10:0:1::/64'] }
  const links = planNode(config, dualSelf).entries.flatMap(({ value }) =>
    value.kind === 'link' ? [value.name] : [],
  )
  assert.ok(links.every(name => name.length <= 15))
  return links
}

test('a device whose VNI is too long for the name that people know has a name of 15 characters', () => {
  assert.deepEqual(vxlanDevices(9999), ['flannel.9999', 'flannel-v6.9999'])
  assert.deepEqual(vxlanDevices(10_000), ['flannel.10000', 'vx6-2710-2118'])
  assert.deepEqual(vxlanDevices(9_999_999), ['flannel.9999999', 'vx6-98967f-2118'])
  assert.deepEqual(vxlanDevices(2 ** 24 - 1), ['vx4-ffffff-2118', 'vx6-ffffff-2118'])
})
