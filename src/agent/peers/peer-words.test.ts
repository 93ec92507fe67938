import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { PeerEnd } from '../../overlay/index.ts'
import type { PeerReport } from '../../probe/index.ts'
import { peerFault } from './peer-words.ts'

const vxlan: PeerEnd = {
  nodeName: 'node-2',
  family: 4,
  backendType: 'vxlan',
  address: '10.244.2.0',
  publicAddress: '192.168.77.2',
  device: 'flannel.1',
  uplink: 'eth0',
  podMtu: 1450,
  overhead: 50,
  tunnelPorts: [8472],
  offloadsChecksums: true,
}
const ipip: PeerEnd = { ...vxlan, backendType: 'ipip', podMtu: 1480, overhead: 20, tunnelPorts: [] }
const direct: PeerEnd = {
  ...vxlan,
  backendType: 'host-gw',
  address: '192.168.77.2',
  device: 'eth0',
  overhead: 0,
}

const down = { state: 'down', fullSize: 'unknown' } as const
const narrow = { state: 'up', fullSize: 'lost' } as const

const cases: readonly [end: PeerEnd, report: PeerReport, expected: RegExp | undefined][] = [
  [vxlan, { state: 'unknown', fullSize: 'unknown' }, undefined],
  [vxlan, { state: 'up', fullSize: 'unknown' }, undefined],
  [vxlan, { state: 'up', fullSize: 'passes' }, undefined],
  [vxlan, down, /^it does not answer through flannel\.1$/],
  [
    vxlan,
    { ...down, answersPublicly: true },
    /^it answers at 192\.168\.77\.2 but not through flannel\.1: UDP port 8472 may be blocked on the way$/,
  ],
  [
    { ...vxlan, backendType: 'wireguard', device: 'flannel-wg', tunnelPorts: [51_820] },
    { ...down, answersPublicly: true },
    /flannel-wg: UDP port 51820 may be blocked on the way, or the two do not have each other's keys$/,
  ],
  [ipip, { ...down, answersPublicly: true }, /: what the tunnel is made of may be blocked on the way$/],
  [
    vxlan,
    { ...down, answersPublicly: false },
    /^it does not answer at all, neither through flannel\.1 nor at 192\.168\.77\.2: /,
  ],
  [
    vxlan,
    { ...down, answersPublicly: true, spoilsChecksums: true },
    /^it hears through flannel\.1 only packets whose checksum this node computes itself: .* behind eth0/,
  ],
  [
    direct,
    down,
    /^it does not answer at 192\.168\.77\.2: it is down or cut off, or a firewall there drops UDP port 61113/,
  ],
  [
    vxlan,
    { ...down, refused: 'ENETUNREACH' },
    /^this node cannot send to it through flannel\.1: ENETUNREACH$/,
  ],
  [vxlan, narrow, /^packets of 1450 bytes do not reach it, .* smaller; set a smaller mtu of the network$/],
  [vxlan, { ...narrow, toldMtu: 1400 }, /, 1400 as a router says; set mtu of the network to 1400$/],
  [ipip, { ...narrow, toldMtu: 1400 }, /; set the MTU of eth0 to 1420 on every node$/],
  [direct, narrow, /; lower the MTU of eth0 on every node$/],
]

test('what is wrong with a peer, in words', () => {
  for (const [end, report, expected] of cases) {
    const text = peerFault(end, report)
    if (expected === undefined) assert.equal(text, undefined)
    else assert.match(text ?? '', expected)
  }
})
