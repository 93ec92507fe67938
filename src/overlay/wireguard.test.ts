import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { NetworkConfig, WireguardBackend } from '../model/index.ts'
import { annotationsFor, peerFromNode } from './annotations.ts'
import { tunnelPorts } from './backends.ts'
import { claimsOf } from './claims.ts'
import type { OverlayPeer, OverlaySelf } from './node.ts'
import { overlayMtu, planNode, planPeer } from './plan.ts'
import { commands, dualStack, networkConfig, node, self as plainSelf, readBack } from './testing.ts'

const key = (fill: number) => Buffer.alloc(32, fill).toString('base64')
const self: OverlaySelf = {
  ...plainSelf,
  podCidrs: ['10.244.1.0/24', 'fd00:10:0:1::/64'],
  wireguardKey: key(1),
}

function config(backend: Partial<WireguardBackend> = {}, spec: object = dualStack): NetworkConfig {
  return networkConfig({ ...spec, backend: { type: 'wireguard', ...backend } })
}

const ipv4 = {
  podCidr: '10.244.3.0/24',
  publicAddress: '192.168.77.3',
  data: { type: 'wireguard', identity: key(3), port: 51_820 },
} as const
const ipv6 = {
  podCidr: 'fd00:10:0:3::/64',
  publicAddress: 'fd77::3',
  data: { type: 'wireguard', identity: key(3), port: 51_821 },
} as const
const peer: OverlayPeer = {
  nodeName: 'node-3',
  createdAt: '2026-01-03T00:00:00Z',
  backendType: 'wireguard',
  ipv4,
  ipv6,
}

const texts = ({ findings }: { findings: readonly { text: string }[] }) => findings.map(({ text }) => text)
const ofPeer = (backend: Partial<WireguardBackend>, who: Partial<OverlayPeer> = {}, me = self) =>
  planPeer(config(backend), me, { ...peer, ...who })
const ofDevices = (plan: Parameters<typeof commands>[0]) =>
  commands(plan).filter(line => !line.includes('/all/'))

test('mode separate: a device a family, and the whole network behind it', () => {
  const plan = planNode(config({}, { ...dualStack, masquerade: false }), self)
  assert.deepEqual(ofDevices(plan), [
    'ip link add flannel-wg mtu 1420 alias podlace:overlay up type wireguard',
    'sysctl -w net/ipv4/conf/flannel-wg/rp_filter=2',
    'sysctl -w net/ipv6/conf/flannel-wg/accept_ra=0',
    'sysctl -w net/ipv6/conf/flannel-wg/addr_gen_mode=1',
    `wg set flannel-wg listen-port 51820 private-key /dev/stdin # whose public half is ${key(1)}`,
    'ip address replace 10.244.1.0/32 dev flannel-wg',
    'ip route replace 10.244.0.0/16 dev flannel-wg proto 113',
    'ip link add flannel-wg-v6 mtu 1420 alias podlace:overlay up type wireguard',
    'sysctl -w net/ipv6/conf/flannel-wg-v6/accept_ra=0',
    'sysctl -w net/ipv6/conf/flannel-wg-v6/addr_gen_mode=1',
    `wg set flannel-wg-v6 listen-port 51821 private-key /dev/stdin # whose public half is ${key(1)}`,
    'ip -6 address replace fd00:10:0:1::/128 dev flannel-wg-v6',
    'ip -6 route replace fd00:10::/48 dev flannel-wg-v6 proto 113',
  ])
  assert.deepEqual(plan.findings, [])
  assert.equal(overlayMtu(config(), self), 1420)
})

test('the other modes: one device for both, as small as either needs', () => {
  for (const mode of ['auto', 'ipv4', 'ipv6'] as const) {
    const plan = planNode(
      config({ mode, listenPort: 7, mtu: 1380 }, { ...dualStack, masquerade: false }),
      self,
    )
    assert.deepEqual(ofDevices(plan), [
      'ip link add flannel-wg mtu 1380 alias podlace:overlay up type wireguard',
      'sysctl -w net/ipv4/conf/flannel-wg/rp_filter=2',
      'sysctl -w net/ipv6/conf/flannel-wg/accept_ra=0',
      'sysctl -w net/ipv6/conf/flannel-wg/addr_gen_mode=1',
      `wg set flannel-wg listen-port 7 private-key /dev/stdin # whose public half is ${key(1)}`,
      'ip address replace 10.244.1.0/32 dev flannel-wg',
      'ip route replace 10.244.0.0/16 dev flannel-wg proto 113',
      'ip -6 address replace fd00:10:0:1::/128 dev flannel-wg',
      'ip -6 route replace fd00:10::/48 dev flannel-wg proto 113',
    ])
  }
})

test('a peer in mode separate', () => {
  assert.deepEqual(commands(ofPeer({})), [
    `wg set flannel-wg peer ${key(3)} endpoint 192.168.77.3:51820 persistent-keepalive 0 allowed-ips 10.244.3.0/24`,
    `wg set flannel-wg-v6 peer ${key(3)} endpoint [fd77::3]:51821 persistent-keepalive 0 allowed-ips fd00:10:0:3::/64`,
  ])
})

test('a peer in mode ipv4, ipv6 and auto, with a preshared key that is not said', () => {
  const endpoint = (backend: Partial<WireguardBackend>, who: Partial<OverlayPeer> = {}, me = self) =>
    commands(ofPeer(backend, who, me)).map(line => / endpoint (\S+)/.exec(line)?.[1])
  assert.deepEqual(commands(ofPeer({ mode: 'ipv4', presharedKey: key(9), persistentKeepaliveSeconds: 25 })), [
    `wg set flannel-wg peer ${key(3)} preshared-key /dev/stdin endpoint 192.168.77.3:51820 persistent-keepalive 25 ` +
      'allowed-ips 10.244.3.0/24,fd00:10:0:3::/64',
  ])
  assert.ok(!JSON.stringify(ofPeer({ presharedKey: key(9) })).includes(key(9)))
  assert.deepEqual(endpoint({ mode: 'ipv6' }), ['[fd77::3]:51821'])
  assert.deepEqual(endpoint({ mode: 'auto' }), ['192.168.77.3:51820'])
  const publicPeer = { ipv6: { ...ipv6, publicAddress: '2001:db8::3' } }
  const publicSelf = { ...self, uplink: { ...self.uplink, publicAddress6: '2001:db8::1' } }
  assert.deepEqual(endpoint({ mode: 'auto' }, publicPeer), ['192.168.77.3:51820'])
  assert.deepEqual(endpoint({ mode: 'auto' }, publicPeer, publicSelf), ['[2001:db8::3]:51821'])
  const reachable = { ...publicPeer, ipv4: { ...ipv4, publicAddress: '198.51.100.3' } }
  assert.deepEqual(endpoint({ mode: 'auto' }, reachable, publicSelf), ['198.51.100.3:51820'])
})

test('a peer of flannel, which says no port, has our own', () => {
  const data = { type: 'wireguard', identity: key(3) } as const
  const who = { ipv4: { ...ipv4, data }, ipv6: { ...ipv6, data } }
  assert.deepEqual(
    commands(ofPeer({ listenPort: 5, listenPortV6: 6 }, who)).map(line => / endpoint (\S+)/.exec(line)?.[1]),
    ['192.168.77.3:5', '[fd77::3]:6'],
  )
})

test('what keeps a peer out, in words', () => {
  const { ipv6: _none, ...onlyIpv4 } = peer
  const { data: _unsaid, ...silent } = ipv4
  const own = { ...ipv4, data: { ...ipv4.data, identity: key(1) } }
  const other = { ...ipv4, data: { ...ipv4.data, identity: key(4) } }
  const cases: [ReturnType<typeof planPeer>, RegExp][] = [
    [planPeer(config(), self, { ...onlyIpv4, ipv4: silent }), /does not tell its public key/],
    [
      planPeer(config(), self, { ...onlyIpv4, ipv4: own }),
      /that of node-1: give one of the two a new key file/,
    ],
    [ofPeer({ mode: 'auto' }, { ipv4: other }), /another public key for each family/],
    [planPeer(config({ mode: 'ipv6' }), self, onlyIpv4), /tells no IPv6 address, and mode ipv6 needs one/],
    [ofPeer({}, { backendType: 'vxlan' }), /runs backend "vxlan", this network runs wireguard/],
  ]
  for (const [plan, expected] of cases) {
    assert.deepEqual(plan.entries, [])
    assert.match(texts(plan).join(), expected)
  }
})

test('two nodes of one key: the older one has it', () => {
  const older = { ...peer, nodeName: 'node-2', createdAt: '2026-01-02T00:00:00Z' }
  const rivals = claimsOf(config(), older)
  const plan = planPeer(config(), self, { ...peer, ipv4: { ...ipv4, podCidr: '10.244.9.0/24' } }, rivals)
  assert.match(texts(plan).join(), /Node node-2, which is older/)
  assert.deepEqual(plan.entries, [])
})

test('what a node publishes is what its peers read, and what flannel reads', () => {
  const published = readBack(annotationsFor(config(), self))
  assert.equal(published['backend-type'], 'wireguard')
  assert.equal(published['backend-data'], `{"PublicKey":"${key(1)}","Port":51820}`)
  assert.equal(published['backend-v6-data'], `{"PublicKey":"${key(1)}","Port":51821}`)
  const both = ['10.244.3.0/24', 'fd00:10:0:3::/64']
  const { peer: read, findings } = peerFromNode(node(published, both))
  assert.deepEqual(findings, [])
  assert.deepEqual(read?.ipv4?.data, { type: 'wireguard', identity: key(1), port: 51_820 })
  assert.deepEqual(read?.ipv6?.data, { type: 'wireguard', identity: key(1), port: 51_821 })
  assert.deepEqual(tunnelPorts(config()), [51_820, 51_821])
  assert.deepEqual(tunnelPorts(config({ mode: 'auto' })), [51_820])
})

test('what another machine writes is a peer or a finding', () => {
  const base = { 'backend-type': 'wireguard', 'public-ip': '192.168.77.3' }
  for (const data of [
    '{}',
    '{"PublicKey":""}',
    '{"PublicKey":"AAAA"}',
    `{"PublicKey":"${key(3)}","Port":0}`,
    'null',
  ]) {
    const { peer: read, findings } = peerFromNode(node({ ...base, 'backend-data': data }))
    assert.equal(read, undefined)
    assert.match(findings[0]?.text ?? '', /backend-data is not valid/)
  }
  const old = { ...base, 'backend-data': `{"PublicKey":"${key(3)}","More":[]}` }
  assert.deepEqual(peerFromNode(node(old)).peer?.ipv4?.data, { type: 'wireguard', identity: key(3) })
})

test('a node without a key makes no device and publishes no key', () => {
  const { wireguardKey: _none, ...keyless } = self
  assert.ok(!commands(planNode(config(), keyless)).some(line => line.includes('flannel-wg')))
  assert.equal(readBack(annotationsFor(config(), keyless))['backend-data'], '{"Port":51820}')
})
