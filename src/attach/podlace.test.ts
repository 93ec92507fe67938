import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatEntry } from '../kernel/index.ts'
import { planBridge } from './bridge.ts'
import { planLoopback } from './loopback.ts'
import { attachmentOwner, hostInterfaceName } from './names.ts'
import { podlaceBridge } from './podlace.ts'
import { attachmentSpec } from './testing.ts'

const spec = {
  ...attachmentSpec,
  network: 'podlace',
  ips: [{ address: '10.244.1.2/24' }],
}

test('the pod network: default route through cni0, the MTU of the overlay, hairpin, no rules of its own but the guard', () => {
  const plan = planBridge({ ...spec, config: podlaceBridge({ mtu: 1450 }) }, 'netns-7')
  assert.equal(plan.pod.map(formatEntry).at(-1), 'ip route replace default via 10.244.1.1 dev eth0 proto 113')
  assert.match(plan.host.map(formatEntry)[0] ?? '', /mtu 1450 .*master cni0 .*hairpin on isolated off$/)
  const tables = plan.shared.filter(entry => entry.kind === 'nft-table')
  assert.deepEqual([...new Set(tables.map(({ name }) => name))], ['podlace-guard'])
})

test('loopback: lo goes up, and an earlier result passes', () => {
  const plan = planLoopback({ ...spec, ifName: 'lo', podHasIpv6: false })
  assert.deepEqual(plan.pod.map(formatEntry), ['ip link set lo up'])
  assert.deepEqual(plan.result.ips, [{ interface: 0, address: '127.0.0.1/8' }])
  const before = { interfaces: [], ips: [], routes: [], dns: { domain: 'x' } }
  assert.equal(planLoopback({ ...spec, prevResult: before }).result, before)
})

test('names follow from the attachment and fit', () => {
  assert.match(hostInterfaceName('c1', 'eth0'), /^veth[0-9a-f]{8}$/)
  assert.notEqual(hostInterfaceName('c1', 'eth0'), hostInterfaceName('c1', 'net1'))
  const long = {
    containerId: 'c'.repeat(500),
    ifName: 'eth0',
    pod: { namespace: 'n', name: 'p'.repeat(250) },
  }
  assert.match(attachmentOwner(long), /^container [0-9a-f]{64} eth0$/)
  assert.equal(attachmentOwner({ ...long, containerId: 'c1' }), 'container c1 eth0')
})
