import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type AttachmentSpec,
  parseHostDeviceConfig,
  parseMacvlanConfig,
  parseTapConfig,
  planHostDevice,
  planMacvlan,
  planTap,
} from '../../src/attach/index.ts'
import { eventually } from './agent-nodes.ts'
import { run } from './kernel-harness.ts'
import { ping } from './ping.ts'
import { WiredPods } from './wired-pods.ts'

const spec = (n: number): AttachmentSpec => ({
  network: 'lan',
  containerId: `c${n}`,
  ifName: 'net1',
  sandbox: '/run/netns/x',
  hostIdentity: 'node-1',
  ips: [{ address: `10.1.2.${n}/24` }, { address: `fd00:1::${n}/64` }],
  routes: [{ dst: '10.9.0.0/16', gw: '10.1.2.1' }],
  dns: {},
})

/** A device of the host, the other end of which leads nowhere. */
function addUplink({ host }: WiredPods): void {
  run(host, [
    'ip',
    'link',
    'add',
    'up0',
    'address',
    '02:00:00:00:00:0e',
    'type',
    'veth',
    'peer',
    'name',
    'far0',
  ])
  for (const name of ['up0', 'far0']) run(host, ['ip', 'link', 'set', name, 'up'])
}
const master = { name: 'up0', mtu: 1500, mac: '02:00:00:00:00:0e' }

const macvlan = (n: number) => planMacvlan({ ...spec(n), master, config: parseMacvlanConfig({ mtu: 1400 }) })

test('macvlan: pods on one device reach each other, and DEL leaves the device alone', async () => {
  using node = new WiredPods()
  addUplink(node)
  const first = await node.attach(() => macvlan(2))
  await node.attach(() => macvlan(3))
  for (const target of ['10.1.2.3', 'fd00:1::3']) {
    await eventually(`an answer of ${target}`, async () => (await ping(first, target)) === 'ok' || undefined)
  }
  await node.detach(first, macvlan(2))
  assert.doesNotMatch(run(first, ['ip', 'link']), /net1/)
  assert.match(run(node.host, ['ip', 'link', 'show', 'up0']), /UP/)
})

test('tap: made for who may open it, and removed by DEL', async () => {
  using node = new WiredPods()
  const config = parseTapConfig({ multiQueue: true, owner: 7, group: 8, mtu: 1400 })
  const plan = planTap({ ...spec(2), config })
  const pod = await node.attach(() => plan)
  const shown = run(pod, ['ip', '-d', 'link', 'show', 'net1'])
  assert.match(shown, /mtu 1400[^]*tun type tap[^]*multi_queue[^]*user \S+ group /)
  await node.detach(pod, plan)
  assert.doesNotMatch(run(pod, ['ip', 'link']), /net1/)
})

test('host-device: moved in under the pod’s name, and back under its own', async () => {
  using node = new WiredPods()
  addUplink(node)
  const config = parseHostDeviceConfig({ device: 'up0' })
  const plan = planHostDevice({ ...spec(2), config, device: master })
  const pod = await node.attach(() => plan)
  assert.match(run(pod, ['ip', '-br', 'address', 'show', 'net1']), /10\.1\.2\.2\/24/)
  assert.doesNotMatch(run(node.host, ['ip', 'link']), /up0/)
  await node.detach(pod, plan)
  assert.match(run(node.host, ['ip', 'link', 'show', 'up0']), /02:00:00:00:00:0e/)
})
