import assert from 'node:assert/strict'
import { test } from 'node:test'
import { silentLogger, systemClock } from '../../base/index.ts'
import { Graph } from '../../derive/index.ts'
import { type DeviceLink, type Entry, entryKey } from '../entry.ts'
import { applyOnce } from '../once.ts'
import { Reconciler } from '../reconciler.ts'
import { FakeKernel } from './fake-kernel.ts'
import { FakeNetwork } from './fake-network.ts'
import { endNamespace } from './moves.ts'
import { performForeign } from './perform-foreign.ts'

const moved: DeviceLink = {
  kind: 'link',
  type: 'device',
  name: 'eth0',
  claim: 'own',
  owner: 'pod default/web-1 eth0',
  movedFrom: { netns: 'host', name: 'nic0' },
  mtu: 1400,
}

function hostAndPod(devices: readonly string[]): { host: FakeKernel; pod: FakeKernel } {
  const network = new FakeNetwork()
  return { host: new FakeKernel({ network, devices }), pod: new FakeKernel({ network }) }
}

const linksOf = ({ namespace }: FakeKernel) =>
  [...namespace.entries()].flatMap(({ entry, mark }) =>
    entry.kind === 'link' ? [`${entry.type} ${entry.name} ${mark}`] : [],
  )

async function reconcilerOf(kernel: FakeKernel): Promise<Reconciler> {
  const desired = new Graph().source<Entry>('desired')
  const reconciler = new Reconciler({ kernel, desired, clock: systemClock, log: silentLogger })
  await reconciler.start()
  await reconciler.settled()
  return reconciler
}

for (const devices of [['nic0'], ['nic0', 'eth0']]) {
  test(`a device of a pod that ended gets its old name again, beside ${devices.join(' and ')}`, async () => {
    const { host, pod } = hostAndPod(devices)
    const before = linksOf(host)
    const reconciler = await reconcilerOf(host)
    const [outcome] = await applyOnce(pod, [moved], { namespaces: new Map([['host', host]]) })
    assert.equal(outcome?.error, undefined)
    await reconciler.settled()
    assert.ok(!linksOf(host).includes('device nic0 foreign'))
    endNamespace(pod.namespace, host.namespace)
    await reconciler.settled()
    assert.deepEqual(linksOf(host).toSorted(), before.toSorted())
    assert.deepEqual(reconciler.findings, [])
    assert.deepEqual(
      reconciler.history().map(({ op }) => op),
      ['delete'],
    )
    await reconciler.stop()
  })
}

test('what came back before the agent started is found, and waits while its old name is taken', async () => {
  const { host, pod } = hostAndPod(['nic0'])
  await applyOnce(pod, [moved], { namespaces: new Map([['host', host]]) })
  host.namespace.createDevice('nic0')
  endNamespace(pod.namespace, host.namespace)
  const reconciler = await reconcilerOf(host)
  assert.deepEqual(linksOf(host), ['device lo foreign', 'device nic0 foreign', 'device eth0 ours'])
  assert.deepEqual(
    reconciler.findings.map(({ code, key }) => [code, key]),
    [['refused', 'link eth0']],
  )
  await reconciler.stop()
  performForeign(host, { act: 'rename', name: 'nic0', to: 'nic7' })
  const second = await reconcilerOf(host)
  assert.deepEqual(linksOf(host), ['device lo foreign', 'device nic7 foreign', 'device nic0 foreign'])
  await second.stop()
})

test('what is on a device stays on it when that moves, and goes when that goes', async () => {
  const { host, pod } = hostAndPod(['nic0'])
  const upper: Entry = {
    kind: 'link',
    type: 'macvlan',
    name: 'mv0',
    claim: 'own',
    owner: 't',
    device: 'nic0',
    mode: 'bridge',
  }
  await applyOnce(host, [upper])
  await applyOnce(pod, [moved], { namespaces: new Map([['host', host]]) })
  const context = { namespaces: new Map([['pod', pod]]) }
  const seen = (await host.observe([], context)).find(({ entry }) => entryKey(entry) === 'link mv0')?.entry
  assert.ok(seen?.kind === 'link' && seen.type === 'macvlan')
  assert.deepEqual([seen.device, seen.deviceNetns], ['eth0', 'pod'])
  performForeign(pod, { act: 'remove', entry: moved })
  assert.deepEqual(linksOf(host), ['device lo foreign'])
})
