import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { ManualClock, settle, silentLogger } from '../base/index.ts'
import { overlaps, parsePrefix } from '../ip/index.ts'
import { MemoryStore, type Store } from '../store/index.ts'
import { FlakyStore, type StoreFault } from '../store/testing.ts'
import { PodCidrController } from './pod-cidr-controller.ts'
import { podCidrsOf } from './world.ts'

const cooldownMs = 60_000

function world(network = '10.244.0.0/16', subnetLength = 24) {
  const clock = new ManualClock()
  const store = new MemoryStore({ clock, random: Math.random })
  const configure = () =>
    store.create('NetworkConfig', {
      metadata: { name: 'default' },
      spec: { network, subnetLength, backend: { type: 'vxlan' }, blockCooldownSeconds: cooldownMs / 1_000 },
    })
  const control = (through: Store = store) => {
    const options = { clock, random: () => 0.5, log: silentLogger }
    const controller = new PodCidrController({ ...options, store: through })
    controller.start()
    return controller
  }
  const add = (name: string, podCIDR?: string) =>
    store.create(
      'Node',
      podCIDR === undefined
        ? { metadata: { name }, spec: {} }
        : { metadata: { name, labels: { preset: 'yes' } }, spec: { podCIDR } },
    )
  return { clock, store, configure, control, add, quiet }
}

/** Lets everything run that can run without time passing. */
async function quiet(): Promise<void> {
  for (let i = 0; i < 30; i += 1) await settle()
}

describe('PodCidrController', () => {
  it('leaves no timer behind when it is stopped in the middle of its work', async () => {
    const { clock, store, configure, control, add } = world()
    await configure()
    await add('a')
    const waiting = new Set<() => void>()
    clock.after = (_delayMs, fn) => {
      waiting.add(fn)
      return { cancel: () => waiting.delete(fn) }
    }
    const begun = Promise.withResolvers<void>()
    const gate = Promise.withResolvers<void>()
    store.create = async () => {
      begun.resolve()
      await gate.promise
      throw new Error('the store went away')
    }
    const controller = control()
    await begun.promise
    const stopped = controller.stop()
    gate.resolve()
    await stopped
    assert.equal(waiting.size, 0)
  })

  it('serves nodes, keeps a block for a node that comes back, and frees it after the cooldown', async () => {
    const { clock, store, configure, control, add, quiet } = world()
    const controller = control()
    await add('a')
    await add('b')
    await quiet()
    assert.deepEqual((await store.get('Node', 'a')).spec, {}, 'without a NetworkConfig nothing happens')
    await configure()
    await quiet()
    assert.equal((await store.get('Node', 'a')).spec.podCIDR, '10.244.1.0/24')
    assert.deepEqual((await store.get('Node', 'b')).spec.podCIDRs, ['10.244.2.0/24'])

    await store.patchStatus('PodBlock', '10.244.1.0-24', { status: { attachments: 0 } })
    await store.delete('Node', 'a')
    await quiet()
    const released = await store.get('PodBlock', '10.244.1.0-24')
    assert.ok(released.spec.releasedAt)
    assert.equal(released.status.attachments, undefined, 'a count from before the release does not free it')
    const again = await add('a')
    await quiet()
    assert.equal((await store.get('Node', 'a')).spec.podCIDR, '10.244.1.0/24')
    const claimed = await store.get('PodBlock', '10.244.1.0-24')
    assert.deepEqual([claimed.spec.nodeUID, claimed.spec.releasedAt], [again.metadata.uid, undefined])

    await store.delete('Node', 'a')
    await quiet()
    await clock.advance(cooldownMs - 5_000)
    await add('c')
    await quiet()
    assert.equal((await store.get('Node', 'c')).spec.podCIDR, '10.244.3.0/24')
    await clock.advance(10_000)
    await quiet()
    await assert.rejects(store.get('PodBlock', '10.244.1.0-24'))

    await store.delete('Node', 'b')
    await quiet()
    await store.patchStatus('PodBlock', '10.244.2.0-24', { status: { attachments: 0 } })
    await quiet()
    await assert.rejects(store.get('PodBlock', '10.244.2.0-24'), 'freed as soon as its agent says so')
    await controller.stop()
  })

  it('waits anew for a released block when it is started anew', async () => {
    const { clock, store, configure, control, add, quiet } = world()
    await configure()
    const first = control()
    await add('a')
    await quiet()
    const held = async () => (await store.list('PodBlock')).items.length === 1
    await store.delete('Node', 'a')
    await quiet()
    await clock.advance(50_000)
    await first.stop()
    const second = control()
    await quiet()
    await clock.advance(50_000)
    assert.ok(await held(), 'a controller knows only what it saw itself')
    await clock.advance(15_000)
    assert.ok(!(await held()))
    await second.stop()
  })

  it('waits for as long as the holder confirmed, whatever the network says now', async () => {
    const { clock, store, configure, control, add, quiet } = world()
    await configure()
    const controller = control()
    await add('a')
    await quiet()
    const lease = { instance: 'i', bootId: 'b', renewals: 1, seconds: 600 }
    await store.patchStatus('PodBlock', '10.244.1.0-24', { status: { lease } })
    await store.delete('Node', 'a')
    await quiet()
    await clock.advance(595_000)
    assert.equal((await store.list('PodBlock')).items.length, 1)
    await clock.advance(10_000)
    assert.equal((await store.list('PodBlock')).items.length, 0)
    await controller.stop()
  })

  it('says on the node what is wrong, and takes it back when it is not any more', async () => {
    const { clock, store, configure, control, add, quiet } = world('10.1.0.0/27', 28)
    await configure()
    const controller = control()
    await add('a')
    await add('b')
    await quiet()
    const [condition] = (await store.get('Node', 'b')).status.conditions ?? []
    assert.deepEqual(
      [condition?.type, condition?.status, condition?.reason],
      ['NetworkUnavailable', 'True', 'NoFreePodBlock'],
    )
    assert.match(condition?.message ?? '', /^pod network 10\.1\.0\.0\/27 has no free \/28 for node b/)
    const before = (await store.get('Node', 'b')).metadata.resourceVersion
    await add('c', '172.16.0.0/24')
    await quiet()
    assert.match(
      (await store.get('Node', 'c')).status.conditions?.[0]?.message ?? '',
      /outside of the pod network/,
    )
    assert.equal((await store.get('Node', 'b')).metadata.resourceVersion, before, 'said once')
    await store.delete('Node', 'a')
    await quiet()
    await store.patchStatus('PodBlock', '10.1.0.16-28', { status: { attachments: 0 } })
    await quiet()
    await clock.advance(5_000)
    const served = await store.get('Node', 'b')
    assert.equal(served.spec.podCIDR, '10.1.0.16/28')
    assert.equal(served.status.conditions?.[0]?.status, 'False')
    await controller.stop()
  })

  it('never lets two nodes hold overlapping blocks, whatever comes and goes, with a rival controller', async () => {
    const name = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f')
    const step = fc.oneof(
      { weight: 4, arbitrary: fc.record({ do: fc.constant('add' as const), name }) },
      {
        weight: 1,
        arbitrary: fc.record({
          do: fc.constant('add' as const),
          name,
          cidr: fc.constantFrom('10.1.0.16/28', '10.1.0.32/27'),
        }),
      },
      { weight: 3, arbitrary: fc.record({ do: fc.constant('remove' as const), name }) },
      {
        weight: 2,
        arbitrary: fc.record({ do: fc.constant('report' as const), count: fc.constantFrom(0, 2) }),
      },
      {
        weight: 2,
        arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(0, 5_000, 70_000) }),
      },
      {
        weight: 1,
        arbitrary: fc.record({
          do: fc.constant('fault' as const),
          fault: fc.constantFrom<StoreFault>(
            'list-stale',
            'watch-breaks',
            'watch-expired',
            'event-twice',
            'event-old',
          ),
        }),
      },
    )
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 20 }), async steps => {
        const { clock, store, configure, control, add, quiet } = world('10.1.0.0/25', 28)
        await configure()
        const flaky = new FlakyStore(store)
        const controllers = [control(), control(flaky.asStore())]
        for (const command of steps) {
          if (command.do === 'add')
            await add(command.name, 'cidr' in command ? command.cidr : undefined).catch(() => undefined)
          if (command.do === 'remove') await store.delete('Node', command.name).catch(() => undefined)
          if (command.do === 'fault') flaky.faults.push(command.fault)
          if (command.do === 'wait') await clock.advance(command.ms)
          if (command.do === 'report') {
            const [block] = (await store.list('PodBlock')).items
            const status = { status: { attachments: command.count } }
            if (block !== undefined) await store.patchStatus('PodBlock', block.metadata.name, status)
          }
          await checkBlocks(store, false)
        }
        flaky.faults.length = 0
        for (let i = 0; i < 12; i += 1) await clock.advance(15_000)
        await quiet()
        await checkBlocks(store, true)
        const nodes = (await store.list('Node')).items
        // six blocks fit beside a /27, and at most six nodes are there
        for (const node of nodes) {
          const served = podCidrsOf(node).length > 0
          assert.ok(
            served || node.status.conditions?.[0]?.reason === 'NoFreePodBlock',
            `${node.metadata.name} was forgotten`,
          )
        }
        await Promise.all(controllers.map(controller => controller.stop()))
      }),
      { numRuns: 40 },
    )
  })
})

async function checkBlocks(store: MemoryStore, atRest: boolean): Promise<void> {
  const blocks = (await store.list('PodBlock')).items
  const prefixes = blocks.map(block => parsePrefix(block.spec.cidr))
  for (const [at, one] of prefixes.entries()) {
    for (const [otherAt, other] of prefixes.entries()) {
      if (otherAt <= at || blocks[at]?.spec.nodeName === blocks[otherAt]?.spec.nodeName) continue
      // of two lengths one may still be about to be withdrawn, and is not assigned meanwhile
      const settled = atRest || one.length === other.length
      assert.ok(
        !settled || !overlaps(one, other),
        `blocks overlap: ${blocks.map(block => block.spec.cidr).join(' ')}`,
      )
    }
  }
  // what the controllers assigned is the node's own; what came with a node may be in conflict, which its condition says
  for (const node of (await store.list('Node')).items) {
    for (const cidr of podCidrsOf(node)) {
      const holder = blocks.find(block => block.spec.cidr === cidr)?.spec.nodeName
      if (holder === node.metadata.name) continue
      const ownCidr = node.metadata.labels?.['preset'] === undefined
      assert.ok(!ownCidr, `${node.metadata.name} has ${cidr}, which ${holder ?? 'nobody'} holds`)
      const [condition] = node.status.conditions ?? []
      if (atRest)
        assert.equal(`${condition?.reason} ${condition?.status}`, 'PodBlockConflict True', node.metadata.name)
    }
  }
}
