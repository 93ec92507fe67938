import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type AttachmentSpec, parsePtpConfig, planPtp } from '../../src/attach/index.ts'
import { eventually } from './agent-nodes.ts'
import { run } from './kernel-harness.ts'
import { ping } from './ping.ts'
import { WiredPods } from './wired-pods.ts'

const spec = (n: number): AttachmentSpec => ({
  network: 'pods',
  containerId: `c${n}`,
  ifName: 'eth0',
  sandbox: '/run/netns/x',
  hostIdentity: 'node-1',
  ips: [{ address: `10.1.2.${n}/24` }, { address: `fd00:1::${n}/64` }],
  routes: [{ dst: '0.0.0.0/0' }, { dst: '::/0' }],
  dns: {},
})

test('ptp: pods reach the gateway and each other, through the host', async () => {
  using node = new WiredPods()
  const config = parsePtpConfig({ ipMasq: true })
  const first = await node.attach(netns => planPtp({ ...spec(2), config }, netns))
  await node.attach(netns => planPtp({ ...spec(3), config }, netns))
  for (const target of ['10.1.2.1', '10.1.2.3', 'fd00:1::1', 'fd00:1::3']) {
    await eventually(`an answer of ${target}`, async () => (await ping(first, target)) === 'ok' || undefined)
  }
  const way = run(first, ['ip', 'route', 'get', '10.1.2.3'])
  assert.match(way, /via 10\.1\.2\.1 dev eth0 src 10\.1\.2\.2/)
})
