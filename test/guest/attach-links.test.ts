import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  parseBridgeConfig,
  parseIpvlanConfig,
  parsePtpConfig,
  parseVlanConfig,
  parseVrfConfig,
  planBridge,
  planDummy,
  planIpvlan,
  planPtp,
  planVlan,
  planVrf,
} from '../../src/attach/index.ts'
import { run } from '../netns/kernel-harness.ts'
import { addUplinks, FAR_UPLINK, linkSpec, UPLINK } from '../netns/link-pods.ts'
import { ping, reaches } from '../netns/ping.ts'
import { WiredPods } from '../netns/wired-pods.ts'

for (const mode of ['l2', 'l3', 'l3s']) {
  test(`ipvlan ${mode}: pods on one device reach each other`, async () => {
    using node = new WiredPods()
    addUplinks(node)
    const config = parseIpvlanConfig({ mode })
    const plan = (n: number) => planIpvlan({ ...linkSpec(n), master: UPLINK, config })
    const first = await node.attach(() => plan(2))
    await node.attach(() => plan(3))
    await reaches(first, ['10.1.2.3', 'fd00:1::3'])
    assert.match(run(first, ['ip', 'link', 'show', 'net1']), /02:00:00:00:00:0e/)
    await node.detach(first, plan(2))
    assert.doesNotMatch(run(first, ['ip', 'link']), /net1/)
  })
}

const inVlan = (vlanId: number) => parseVlanConfig({ master: 'given', vlanId })

test('vlan: pods in one VLAN of a network reach each other, and no pod of another', async () => {
  using node = new WiredPods()
  addUplinks(node)
  const first = await node.attach(() => planVlan({ ...linkSpec(2), master: UPLINK, config: inVlan(100) }))
  await node.attach(() => planVlan({ ...linkSpec(3), master: FAR_UPLINK, config: inVlan(100) }))
  await node.attach(() => planVlan({ ...linkSpec(4), master: FAR_UPLINK, config: inVlan(200) }))
  await reaches(first, ['10.1.2.3', 'fd00:1::3'])
  assert.notEqual(await ping(first, '10.1.2.4'), 'ok')
})

test('dummy: addresses without a network', async () => {
  using node = new WiredPods()
  const pod = await node.attach(() => planDummy(linkSpec(2)))
  assert.match(run(pod, ['ip', '-d', 'link', 'show', 'net1']), /dummy/)
  await reaches(pod, ['10.1.2.2', 'fd00:1::2'])
})

const ptp = (netns: string) => planPtp({ ...linkSpec(2), config: parsePtpConfig({}) }, netns)

test('vrf: the interface keeps addresses and routes, in the table of the VRF, which goes with it', async () => {
  using node = new WiredPods()
  const pod = await node.attach(ptp)
  const { result } = ptp('pod')
  const config = parseVrfConfig({ vrfname: 'red' })
  const plans: ReturnType<typeof planVrf>[] = []
  await node.chain(pod, present => {
    const plan = planVrf({ ...linkSpec(2), prevResult: result, present, config })
    plans.push(plan)
    return plan.pod
  })
  assert.match(run(pod, ['ip', 'route', 'show', 'table', '1']), /10\.9\.0\.0\/16 via 10\.1\.2\.1/)
  assert.match(run(pod, ['ip', '-6', 'address', 'show', 'dev', 'net1']), /fd00:1::2\/64/)
  for (const plan of plans) await node.detach(pod, plan)
  assert.doesNotMatch(run(pod, ['ip', 'link']), /red/)
})

function bridged(n: number, keys: object) {
  const config = parseBridgeConfig({ preserveDefaultVlan: false, ...keys })
  const ips = [{ address: `10.1.2.${n}/24` }]
  return (netns: string) => planBridge({ ...linkSpec(n), ips, routes: [], config }, netns)
}

test('bridge: pods of one VLAN reach each other and their gateway, and no pod of another', async () => {
  using node = new WiredPods()
  const first = await node.attach(bridged(2, { vlan: 100, isGateway: true }))
  await node.attach(bridged(3, { vlan: 100, isGateway: true }))
  await node.attach(bridged(4, { vlan: 200 }))
  await reaches(first, ['10.1.2.3', '10.1.2.1'])
  assert.notEqual(await ping(first, '10.1.2.4'), 'ok')
  assert.match(run(node.host, ['ip', '-d', 'link', 'show', 'cni0.100']), /vlan protocol 802\.1Q id 100/)
  assert.match(run(node.host, ['bridge', 'vlan', 'show', 'dev', 'cni0']), /100/)
})
