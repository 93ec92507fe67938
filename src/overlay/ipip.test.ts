import assert from 'node:assert/strict'
import { test } from 'node:test'
import { annotationsFor, peerFromNode } from './annotations.ts'
import { overlayMtu, planNode, planPeer } from './plan.ts'
import { commands, dualStack, networkConfig, node, plainPeer, readBack, self } from './testing.ts'

const config = networkConfig({ backend: { type: 'ipip' } })
const direct = networkConfig({ backend: { type: 'ipip', directRouting: true } })
const peer = plainPeer('ipip')
const farPeer = plainPeer('ipip', '192.168.78.3')

test('this node: one device to all peers, 20 bytes less', () => {
  const plan = planNode(config, self)
  assert.deepEqual(plan.findings, [])
  assert.deepEqual(commands(plan), [
    'ip link add flannel.ipip mtu 1480 alias podlace:overlay up type ipip local 192.168.77.1 nopmtudisc',
    'sysctl -w net/ipv4/conf/flannel.ipip/rp_filter=2',
    'sysctl -w net/ipv6/conf/flannel.ipip/accept_ra=0',
    'sysctl -w net/ipv6/conf/flannel.ipip/addr_gen_mode=1',
    'ip address replace 10.244.1.0/32 dev flannel.ipip',
    'sysctl -w net/ipv4/conf/all/forwarding=1',
  ])
  assert.equal(overlayMtu(config, self), 1480)
})

const through = (address: string) =>
  `ip route replace 10.244.3.0/24 via ${address} dev flannel.ipip onlink proto 113`
const letIn = (address: string) => `nft add element ip podlace-ipip peers { ${address} }`

test('a peer is let in, and a route by way of its address', () => {
  assert.deepEqual(commands(planPeer(config, self, peer)), [letIn('192.168.77.3'), through('192.168.77.3')])
  assert.deepEqual(commands(planPeer(direct, self, farPeer)), [
    letIn('192.168.78.3'),
    through('192.168.78.3'),
  ])
  assert.deepEqual(commands(planPeer(direct, self, peer)), [
    letIn('192.168.77.3'),
    'ip route replace 10.244.3.0/24 via 192.168.77.3 dev eth0 proto 113',
  ])
})

test('IPv6 pods are told that they reach nobody; IPv4 goes on', () => {
  const both = networkConfig({ ...dualStack, backend: { type: 'ipip' } })
  const dual = { ...self, podCidrs: ['10.244.1.0/24', 'fd00:10:0:1::/64'] }
  const plan = planNode(both, dual)
  assert.match(plan.findings[0]?.text ?? '', /backend ipip does not carry IPv6, .*fd00:10:0:1::\/64/)
  assert.equal(plan.findings.length, 1)
  const six = { podCidr: 'fd00:10:0:3::/64', publicAddress: 'fd77::3' }
  const peerPlan = planPeer(both, dual, { ...peer, ipv6: six })
  assert.deepEqual([peerPlan.entries.length, peerPlan.findings], [2, []])
})

test('annotations are those of flannel, and read back', () => {
  const written = {
    'kube-subnet-manager': 'true',
    'backend-type': 'ipip',
    'public-ip': '192.168.77.1',
    'backend-data': 'null',
  }
  assert.deepEqual(readBack(annotationsFor(config, self)), written)
  const reading = peerFromNode(node({ ...written, 'public-ip': '192.168.77.3' }))
  assert.deepEqual(reading, { peer, findings: [] })
})
