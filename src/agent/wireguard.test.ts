import assert from 'node:assert/strict'
import { afterEach, test } from 'node:test'
import { wireguardPublicKey } from '../kernel/index.ts'
import type { WireguardBackend } from '../model/index.ts'
import { AgentBench } from './testing/agent-bench.ts'

let bench: AgentBench

afterEach(() => bench.stop())

const presharedKey = Buffer.alloc(32, 'shared').toString('base64')
const otherKey = Buffer.alloc(32, 'other').toString('base64')
const peerKey = wireguardPublicKey(new Uint8Array(32).fill(7))
const network = (backend: Partial<WireguardBackend> = {}) => ({
  network: '10.244.0.0/16',
  backend: { type: 'wireguard' as const, ...backend },
})

async function ready(backend: Partial<WireguardBackend> = {}): Promise<void> {
  bench = await AgentBench.start()
  await bench.addNetwork({ spec: network(backend) })
  await bench.addNode('node-1', '192.168.77.1', '10.244.1.0/24')
  await bench.addNode('node-2', '192.168.77.2', '10.244.2.0/24', {
    'flannel.alpha.coreos.com/backend-type': 'wireguard',
    'flannel.alpha.coreos.com/backend-data': JSON.stringify({ PublicKey: peerKey }),
    'flannel.alpha.coreos.com/public-ip': '192.168.77.2',
  })
  await bench.quiet()
}

const peers = () => bench.commandsAbout('peer ')

test('a node makes its key, tells the others its public half, and has a peer', async () => {
  await ready()
  assert.equal(bench.agent.notReady(), undefined)
  const node = await bench.store.get('Node', 'node-1')
  const data: unknown = JSON.parse(
    node?.metadata.annotations?.['flannel.alpha.coreos.com/backend-data'] ?? '',
  )
  const [device] = bench.commandsAbout('listen-port')
  assert.ok(typeof data === 'object' && data !== null && 'PublicKey' in data)
  assert.equal(
    device,
    `wg set flannel-wg listen-port 51820 private-key /dev/stdin # whose public half is ${String(data.PublicKey)}`,
  )
  assert.deepEqual(peers(), [
    `wg set flannel-wg peer ${peerKey} endpoint 192.168.77.2:51820 persistent-keepalive 0 allowed-ips 10.244.2.0/24`,
  ])
  assert.equal(await bench.countOperations(() => bench.restart().then(() => bench.quiet())), 0)
  await bench.store.delete('Node', 'node-2')
  await bench.quiet()
  assert.deepEqual(peers(), [])
})

test('a new preshared key takes the place of the old one, and no page shows either', async () => {
  await ready({ presharedKey })
  const config = await bench.store.get('NetworkConfig', 'default')
  assert.ok(config !== undefined)
  const before = bench.entryOf(`wireguard-peer ${peerKey} dev flannel-wg`)
  await bench.store.update('NetworkConfig', { ...config, spec: network({ presharedKey: otherKey }) })
  await bench.quiet()
  const after = bench.entryOf(`wireguard-peer ${peerKey} dev flannel-wg`)
  assert.notDeepEqual(before, after)
  const view = bench.view()
  const pages = JSON.stringify([view.status(), view.entries(), view.notReady(), await view.metrics()])
  assert.match(pages, /"presharedKey":"\(secret\)"/)
  for (const secret of [presharedKey, otherKey]) {
    const bytes = Buffer.from(secret, 'base64')
    for (const text of [secret, bytes.toString('hex'), bytes.toString()]) assert.ok(!pages.includes(text))
  }
  assert.deepEqual(bench.agent.reconciler.findings, [])
})

test('without its key the node takes no pods, and says why', async () => {
  bench = await AgentBench.start({ keyFile: 'no key' })
  await bench.addNetwork({ spec: network() })
  await bench.addNode('node-1', '192.168.77.1', '10.244.1.0/24')
  await bench.quiet()
  assert.match(bench.agent.notReady() ?? '', /no WireGuard key: .*wireguard\.key holds no key of 32 bytes/)
  assert.deepEqual(bench.commandsAbout('flannel-wg'), [])
  assert.equal((await bench.add('a')).error?.code, 11)
})
