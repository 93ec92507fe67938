import assert from 'node:assert/strict'
import type { ApiPlace } from './api-place.ts'
import type { EmbeddedPlace } from './embedded-place.ts'
import type { EtcdPlace } from './etcd-place.ts'
import { LEASE_SECONDS } from './names.ts'
import { type Case, joined, sees, settled, until } from './suite.ts'

/**
 * Not of Kubernetes alone, where a controller of its own gives blocks and answers for them, so that there is no claim
 * that could be lost; and where the network is a file that each node reads once, when it starts.
 */
export const WITH_CLAIMS: readonly Case<EtcdPlace | EmbeddedPlace>[] = [
  {
    what: 'follow the network when it changes, and tell each other',
    async run(place) {
      const nodes = await joined(place, 3)
      await settled(place, nodes)
      await place.changeVni(7)
      await settled(place, nodes, { vni: 7 })
    },
  },
  ...(['cut', 'hang'] as const).map(
    (fault): Case<EtcdPlace | EmbeddedPlace> => ({
      what: `cut themselves off when they cannot confirm their claim for too long, and come back: ${fault}`,
      clock: 'manual',
      async run(place) {
        const [one, two] = await joined(place, 2)
        assert.ok(one && two)
        await settled(place, [one, two])
        await until(place, 'it has confirmed', () => one.bench.agent.leaseState.state.is === 'valid')
        one.wire[fault]()
        // It relies on a claim for four fifths of the time for which the store keeps it.
        for (let second = 0; second < LEASE_SECONDS * 0.6; second += 30) await place.pass(30_000)
        assert.ok(one.isReady)
        assert.equal(one.ways()[two.block], two.way())
        for (let second = 0; second < LEASE_SECONDS * 0.2; second += 30) await place.pass(30_000)
        assert.match(one.bench.agent.notReady() ?? '', /was confirmed last at .* too long ago/)
        await sees(place, one, {})
        assert.equal((await one.bench.add('a')).error?.code, 11)
        one.wire.heal()
        // The other one has heard of little too, as so much time went by at once.
        await until(place, 'both are ready', () => one.isReady && two.isReady)
        await settled(place, [one, two])
      },
    }),
  ),
]

/** Not of etcd, which has no Nodes that could have conditions. */
export const WITH_CONDITIONS: readonly Case<ApiPlace>[] = [
  {
    what: 'say of themselves that their network is there, and nothing else of what kubelet said',
    async run(place) {
      await joined(place, 1)
      const isSaid = async () => (await place.condition(1, 'NetworkUnavailable')) === 'False'
      await until(place, 'it is said', isSaid)
      assert.equal(await place.condition(1, 'Ready'), 'False')
      assert.equal(await place.condition(1, 'MemoryPressure'), 'False')
    },
  },
]

/** Of etcd alone: elsewhere a node is there until somebody deletes its Node, and the informer's own tests are of backups. */
export const WITH_LEASES: readonly Case<EtcdPlace>[] = [
  {
    what: 'forget a node whose lease ended by itself',
    async run(place) {
      const [one, two] = await joined(place, 2)
      assert.ok(one && two)
      await place.flannelWithoutRenewal(9, 2)
      await settled(place, [one, two], { flannels: [9] })
      await settled(place, [one, two])
    },
  },
  {
    what: 'find each other again when etcd has come back from a backup',
    clock: 'manual',
    async run(place) {
      const [one] = await joined(place, 1)
      assert.ok(one)
      await place.flannel(8)
      await settled(place, [one], { flannels: [8] })
      const restore = place.backUp()
      const two = await place.join(2)
      await place.flannel(9)
      await place.remove(8)
      await settled(place, [one, two], { flannels: [9] })
      await restore()
      // Those that came after the backup write once more what they are; etcd's past has a node that has left.
      await until(place, 'it has its block', () => two.isReady)
      await settled(place, [one, two], { flannels: [8] })
      await place.flannel(9)
      await place.remove(8)
      await settled(place, [one, two], { flannels: [9] })
    },
  },
]
