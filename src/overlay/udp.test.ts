import assert from 'node:assert/strict'
import { test } from 'node:test'
import { annotationsFor, peerFromNode } from './annotations.ts'
import { tunnelPorts } from './backends.ts'
import { overlayMtu, planNode, planPeer } from './plan.ts'
import { commands, networkConfig, node, plainPeer, readBack, self } from './testing.ts'

const config = networkConfig({ backend: { type: 'udp' } })
const otherPort = networkConfig({ backend: { type: 'udp', port: 4000 } })
const peer = plainPeer('udp')

test('this node: a TUN device, and one route to the whole network', () => {
  const plan = planNode(config, self)
  assert.deepEqual(commands(plan), [
    'ip tuntap add flannel0 mode tun multi_queue && ip link set flannel0 mtu 1472 alias podlace:overlay up',
    'sysctl -w net/ipv4/conf/flannel0/rp_filter=2',
    'sysctl -w net/ipv6/conf/flannel0/accept_ra=0',
    'sysctl -w net/ipv6/conf/flannel0/addr_gen_mode=1',
    'sysctl -w net/ipv4/conf/flannel0/accept_local=1',
    'ip address replace 10.244.1.0/32 dev flannel0',
    'ip route replace 10.244.0.0/16 dev flannel0 proto 113',
    'sysctl -w net/ipv4/conf/all/forwarding=1',
  ])
  assert.equal(overlayMtu(config, self), 1472)
  assert.deepEqual([tunnelPorts(config), tunnelPorts(otherPort)], [[8285], [4000]])
})

test('the process is told of this node', () => {
  assert.deepEqual(planNode(otherPort, self).effects, [
    {
      key: 'tunnel',
      value: {
        kind: 'tunnel',
        device: 'flannel0',
        endpoint: { address: '192.168.77.1', port: 4000 },
        tunnelAddress: '10.244.1.0',
        mtu: 1472,
        localPrefixes: ['10.244.1.0/24'],
      },
    },
  ])
})

test('a peer is a row of its table, and nothing in the kernel', () => {
  const { entries, effects, findings } = planPeer(config, self, peer)
  assert.deepEqual([entries, findings], [[], []])
  const row = { address: '192.168.77.3', port: 8285, prefixes: ['10.244.3.0/24'] }
  assert.deepEqual(effects, [{ key: 'tunnel-peer 10.244.3.0/24', value: { kind: 'tunnel-peer', peer: row } }])
})

test('it is said that it authenticates nobody, and what does', () => {
  const [finding] = planNode(config, self).findings
  assert.equal(finding?.object, 'Node node-1')
  assert.match(finding?.text ?? '', /neither encrypts nor authenticates.*UDP port 8285.*wireguard/)
})

test('without an address on the uplink nothing is started', () => {
  const { publicAddress: _, ...uplink } = self.uplink
  const plan = planNode(config, { ...self, uplink })
  assert.deepEqual(plan.effects, [])
  assert.match(plan.findings.map(({ text }) => text).join('\n'), /eth0 has no IPv4 address/)
})

test('annotations are those of flannel, the port besides, and read back', () => {
  const written = {
    'kube-subnet-manager': 'true',
    'backend-type': 'udp',
    'backend-port': '8285',
    'public-ip': '192.168.77.1',
    'backend-data': 'null',
  }
  assert.deepEqual(readBack(annotationsFor(config, self)), written)
  const { 'backend-port': _, ...flannels } = { ...written, 'public-ip': '192.168.77.3' }
  const read = (port?: string) =>
    peerFromNode(node({ ...flannels, ...(port === undefined ? {} : { 'backend-port': port }) }))
  const { ipv4 } = peer
  assert.ok(ipv4 !== undefined)
  const withData = (data: object) => ({ ...peer, ipv4: { ...ipv4, data: { type: 'udp', ...data } } })
  assert.deepEqual(read('8285'), { peer: withData({ port: 8285 }), findings: [] })
  assert.deepEqual(read(), { peer: withData({}), findings: [] })
  for (const port of ['0', '65536', '8285 ', 'x'])
    assert.match(read(port).findings[0]?.text ?? '', /backend-port is "[^"]+", which is no UDP port/)
})
