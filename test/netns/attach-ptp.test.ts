import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parsePtpConfig, planPtp } from '../../src/attach/index.ts'
import { run } from './kernel-harness.ts'
import { reaches } from './ping.ts'
import { podSpec, WiredPods } from './wired-pods.ts'

test('ptp: pods reach the gateway and each other, through the host', async () => {
  using node = new WiredPods()
  const config = parsePtpConfig({ ipMasq: true })
  const first = await node.attach(netns => planPtp({ ...podSpec(2), config }, netns))
  await node.attach(netns => planPtp({ ...podSpec(3), config }, netns))
  await reaches(first, ['10.1.2.1', '10.1.2.3', 'fd00:1::1', 'fd00:1::3'])
  const way = run(first, ['ip', 'route', 'get', '10.1.2.3'])
  assert.match(way, /via 10\.1\.2\.1 dev eth0 src 10\.1\.2\.2/)
})
