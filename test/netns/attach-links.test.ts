import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  parseHostDeviceConfig,
  parseMacvlanConfig,
  parseTapConfig,
  planHostDevice,
  planMacvlan,
  planTap,
} from '../../src/attach/index.ts'
import { run } from './kernel-harness.ts'
import { addUplinks, linkSpec, UPLINK } from './link-pods.ts'
import { reaches } from './ping.ts'
import { WiredPods } from './wired-pods.ts'

const macvlan = (n: number) =>
  planMacvlan({ ...linkSpec(n), master: UPLINK, config: parseMacvlanConfig({ mtu: 1400 }) })

test('macvlan: pods on one device reach each other, and DEL leaves the device alone', async () => {
  using node = new WiredPods()
  addUplinks(node)
  const first = await node.attach(() => macvlan(2))
  await node.attach(() => macvlan(3))
  await reaches(first, ['10.1.2.3', 'fd00:1::3'])
  await node.detach(first, macvlan(2))
  assert.doesNotMatch(run(first, ['ip', 'link']), /net1/)
  assert.match(run(node.host, ['ip', 'link', 'show', 'up0']), /UP/)
})

test('tap: made for who may open it, and removed by DEL', async () => {
  using node = new WiredPods()
  const config = parseTapConfig({ multiQueue: true, owner: 7, group: 8, mtu: 1400 })
  const plan = planTap({ ...linkSpec(2), config })
  const pod = await node.attach(() => plan)
  const shown = run(pod, ['ip', '-d', 'link', 'show', 'net1'])
  assert.match(shown, /mtu 1400[^]*tun type tap[^]*multi_queue[^]*user \S+ group /)
  await node.detach(pod, plan)
  assert.doesNotMatch(run(pod, ['ip', 'link']), /net1/)
})

test('host-device: moved in under the pod’s name, and back under its own', async () => {
  using node = new WiredPods()
  addUplinks(node)
  const config = parseHostDeviceConfig({ device: 'up0' })
  const plan = planHostDevice({ ...linkSpec(2), config, device: UPLINK })
  const pod = await node.attach(() => plan)
  assert.match(run(pod, ['ip', '-br', 'address', 'show', 'net1']), /10\.1\.2\.2\/24/)
  assert.doesNotMatch(run(node.host, ['ip', 'link']), /up0/)
  await node.detach(pod, plan)
  assert.match(run(node.host, ['ip', 'link', 'show', 'up0']), /02:00:00:00:00:0e/)
})
