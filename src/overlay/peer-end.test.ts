import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { PeerEnd } from './peer-end.ts'
import { planPeer } from './plan.ts'
import { dualPeer, dualStack, networkConfig, peer, plainPeer, self, udpPeer } from './testing.ts'

const common = {
  nodeName: 'node-3',
  family: 4,
  publicAddress: '192.168.77.3',
  uplink: 'eth0',
} as const
const encapsulated = { ...common, address: '10.244.3.0' }

const ways: readonly [what: string, found: readonly PeerEnd[], expected: readonly PeerEnd[]][] = [
  [
    'vxlan: the address of its device',
    planPeer(networkConfig(), self, peer).ends,
    [
      {
        ...encapsulated,
        backendType: 'vxlan',
        device: 'flannel.1',
        podMtu: 1450,
        overhead: 50,
        tunnelPorts: [8472],
        offloadsChecksums: true,
      },
    ],
  ],
  [
    'vxlan, directly: its public address',
    planPeer(networkConfig({ backend: { type: 'vxlan', directRouting: true } }), self, peer).ends,
    [
      {
        ...common,
        address: '192.168.77.3',
        backendType: 'vxlan',
        device: 'eth0',
        podMtu: 1450,
        overhead: 50,
        tunnelPorts: [],
        offloadsChecksums: false,
      },
    ],
  ],
  [
    'host-gw: its public address',
    planPeer(networkConfig({ backend: { type: 'host-gw' } }), self, plainPeer('host-gw')).ends,
    [
      {
        ...common,
        address: '192.168.77.3',
        backendType: 'host-gw',
        device: 'eth0',
        podMtu: 1500,
        overhead: 0,
        tunnelPorts: [],
        offloadsChecksums: false,
      },
    ],
  ],
  [
    'udp, whose one route leads to all',
    planPeer(networkConfig({ backend: { type: 'udp' } }), self, plainPeer('udp')).ends,
    [
      {
        ...encapsulated,
        backendType: 'udp',
        device: 'flannel0',
        podMtu: 1472,
        overhead: 28,
        tunnelPorts: [8285],
        offloadsChecksums: false,
      },
    ],
  ],
  [
    'udp, to a peer that takes packets at another port: its port has to be open',
    planPeer(networkConfig({ backend: { type: 'udp' } }), self, udpPeer(9285)).ends,
    [
      {
        ...encapsulated,
        backendType: 'udp',
        device: 'flannel0',
        podMtu: 1472,
        overhead: 28,
        tunnelPorts: [9285],
        offloadsChecksums: false,
      },
    ],
  ],
  [
    'host-gw, not on our link: none',
    planPeer(networkConfig({ backend: { type: 'host-gw' } }), self, plainPeer('host-gw', '10.9.9.9')).ends,
    [],
  ],
  ['a backend that nobody knows: none', planPeer(networkConfig(), self, plainPeer('ipsec')).ends, []],
]

for (const [what, found, expected] of ways) test(what, () => assert.deepEqual(found, expected))

test('each family has its own way, with the MTU that all pods have', () => {
  const dualSelf = { ...self, podCidrs: ['10.244.1.0/24', 'fd00:10:0:1::/64'] }
  const { ends } = planPeer(networkConfig(dualStack), dualSelf, dualPeer)
  assert.deepEqual(
    ends.map(({ family, address, device, podMtu }) => [family, address, device, podMtu]),
    [
      [4, '10.244.3.0', 'flannel.1', 1430],
      [6, 'fd00:10:0:3::', 'flannel-v6.1', 1430],
    ],
  )
})
