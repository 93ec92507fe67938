import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock, settle, silentLogger } from '../../base/index.ts'
import { Graph } from '../../derive/index.ts'
import type { PodBlock } from '../../model/index.ts'
import { Informer, MemoryStore } from '../../store/index.ts'
import { BlockLease } from './block-lease.ts'
import { Link } from './testing/link.ts'

const CIDR = '10.244.1.0/24'
const BLOCK = '10.244.1.0-24'
const COOLDOWN_S = 600
/** A confirmation holds for 0.8 of the cooldown. */
const VALID_MS = 480_000

/** One store, and lives of node-1's agent as far as the lease is concerned. */
class Bench {
  readonly clock = new ManualClock()
  readonly store = new MemoryStore({ clock: this.clock, random: Math.random })
  cooldownSeconds = COOLDOWN_S

  static async start(): Promise<Bench> {
    const bench = new Bench()
    const spec = { cidr: CIDR, nodeName: 'node-1', nodeUID: 'u' }
    await bench.store.create('PodBlock', { metadata: { name: BLOCK }, spec })
    return bench
  }

  /** @param files what the machine's disk holds; a clone has a copy */
  async life(bootId = 'boot-1', files = { lease: '' }, link = new Link(this.store)) {
    const { clock } = this
    const blocks = new Graph().source<PodBlock>('podblocks')
    const common = { clock, random: Math.random, log: silentLogger }
    const informer = new Informer({ ...common, store: link.asStore(), kind: 'PodBlock', source: blocks })
    const lease = new BlockLease({
      ...common,
      nodeName: 'node-1',
      bootId,
      store: link.asStore(),
      blocks,
      memory: { read: () => files.lease, write: text => (files.lease = text) },
      cooldownSeconds: () => this.cooldownSeconds,
      onChange: () => {},
    })
    blocks.subscribe(changes => {
      for (const change of changes) lease.heard(change)
    })
    lease.start()
    informer.start()
    await quiet()
    const state = () => lease.state
    const stop = async () => {
      lease.stop()
      await informer.stop()
    }
    return { link, lease, state, stop, files, begin: () => this.begin(lease) }
  }

  async confirmation() {
    return (await this.store.get('PodBlock', BLOCK)).status.lease
  }

  async release(): Promise<void> {
    await this.store.patch('PodBlock', BLOCK, { spec: { releasedAt: '2026-01-01T00:00:00Z' } })
    await quiet()
  }

  private async begin(lease: BlockLease): Promise<void> {
    lease.want([CIDR])
    await quiet()
  }
}

async function quiet(): Promise<void> {
  for (let n = 0; n < 20; n += 1) await settle()
}

test('a claim is confirmed before it is used, and again and again; the figure stands in the block', async () => {
  const bench = await Bench.start()
  const { state, begin, stop } = await bench.life()
  assert.equal(state().is, 'valid', 'it is about no block yet')
  await begin()
  assert.deepEqual([state().is, state().untilMs], ['valid', VALID_MS])
  assert.equal((await bench.confirmation())?.seconds, COOLDOWN_S)
  for (let n = 0; n < 60; n += 1) {
    await bench.clock.advance(60_000)
    assert.ok(
      state().untilMs - bench.clock.nowMs() > VALID_MS - 115_000,
      'a sixth of the cooldown, and jitter',
    )
  }
  await stop()
})

test('the time counts from before the question: an answer that took long is worth little', async () => {
  const bench = await Bench.start()
  const { link, state, begin, stop } = await bench.life()
  const answers = link.holdAnswers()
  await begin()
  assert.equal(state().is, 'unconfirmed')
  await bench.clock.advance(400_000)
  answers.release(1)
  await quiet()
  assert.equal(state().untilMs, VALID_MS)
  await stop()
})

test('without the store the claim runs out by the monotonic clock, and comes back with it', async () => {
  const bench = await Bench.start()
  const { link, state, begin, stop } = await bench.life()
  await begin()
  link.cut()
  await bench.clock.advance(VALID_MS - 1)
  assert.equal(state().is, 'valid')
  await bench.clock.advance(1)
  assert.equal(state().is, 'over')
  link.heal()
  await bench.clock.advance(31_000)
  assert.equal(state().is, 'valid')
  await stop()
})

test('a released block is not confirmed, whatever is read: neither late watches nor old answers help', async () => {
  const bench = await Bench.start()
  const { link, state, begin, stop } = await bench.life()
  await begin()
  link.deafen('PodBlock')
  await link.freezeReads()
  await bench.release()
  const { untilMs } = state()
  await bench.clock.advance(VALID_MS)
  assert.equal(state().is, 'over')
  assert.equal(untilMs, VALID_MS)
  await stop()
})

test('a block without a claim needs none, and one that gets a claim must be confirmed', async () => {
  const bench = await Bench.start()
  await bench.store.delete('PodBlock', BLOCK)
  const { link, state, begin, stop } = await bench.life()
  await begin()
  assert.deepEqual([state().is, state().untilMs], ['valid', Infinity])
  const spec = { cidr: CIDR, nodeName: 'node-1', nodeUID: 'u' }
  await bench.store.create('PodBlock', { metadata: { name: BLOCK }, spec })
  await quiet()
  assert.equal(state().untilMs, bench.clock.nowMs() + VALID_MS)
  link.cut()
  await bench.clock.advance(VALID_MS)
  assert.equal(state().is, 'over')
  await stop()
})

test('of two machines with one name the later one goes on; the other says which, and waits until it is silent', async () => {
  const bench = await Bench.start()
  const first = await bench.life('boot-1')
  await first.begin()
  const clone = await bench.life('boot-2', { ...first.files })
  await clone.begin()
  const over = first.state()
  assert.ok(over.is === 'over')
  assert.match(over.why, /another agent answers for Node node-1, on a machine with boot id boot-2; .* boot-1/)
  assert.equal(clone.state().is, 'valid')
  await bench.clock.advance(3_600_000)
  assert.deepEqual([first.state().is, clone.state().is], ['over', 'valid'], 'they do not take turns')
  await clone.stop()
  await bench.clock.advance(COOLDOWN_S * 1_000 - 120_000)
  assert.equal(first.state().is, 'over')
  await bench.clock.advance(240_000)
  assert.equal(first.state().is, 'valid')
  await first.stop()
})

test('a next process of the same machine knows the limit, also while the store is away', async () => {
  const bench = await Bench.start()
  const first = await bench.life()
  await first.begin()
  await first.stop()
  await bench.clock.advance(200_000)
  const link = new Link(bench.store)
  link.cut()
  const second = await bench.life('boot-1', first.files, link)
  assert.deepEqual([second.state().is, second.state().untilMs], ['valid', VALID_MS])
  await bench.clock.advance(VALID_MS - 200_000)
  assert.equal(second.state().is, 'over')
  link.heal()
  await second.begin()
  assert.equal(second.state().is, 'valid', 'it is nobody else')
  await second.stop()
  const rebooted = await bench.life('boot-2', first.files)
  assert.deepEqual(rebooted.lease.cidrs, [], 'there are no pods, and its clock is another one')
  await rebooted.begin()
  assert.equal(rebooted.state().is, 'valid', 'the machine of before is gone, and it is this one')
  await rebooted.stop()
})

test('a store restored from a backup, with an older count of an older life, is no rival', async () => {
  const bench = await Bench.start()
  const earlier = await bench.life('boot-0')
  await earlier.begin()
  await earlier.stop()
  const backup = (await bench.store.get('PodBlock', BLOCK)).status
  const { state, begin, stop } = await bench.life()
  await begin()
  await bench.clock.advance(300_000)
  await bench.store.patchStatus('PodBlock', BLOCK, { status: backup })
  await quiet()
  assert.equal(state().is, 'valid')
  await bench.clock.advance(VALID_MS)
  assert.equal(state().is, 'valid')
  await stop()
})

test('a shorter figure holds from the moment it may have been written, a longer one from when it surely was', async () => {
  const bench = await Bench.start()
  const { link, state, begin, stop } = await bench.life()
  await begin()
  link.losesAnswers = true
  bench.cooldownSeconds = 60
  await bench.clock.advance(115_000)
  assert.equal((await bench.confirmation())?.seconds, 60, 'it was written')
  assert.ok(state().untilMs <= 115_000 + 48_000)
  bench.cooldownSeconds = 6_000
  await bench.clock.advance(100_000)
  assert.equal((await bench.confirmation())?.seconds, 6_000)
  assert.equal(state().is, 'over')
  await stop()
})

test('what is given up stays so, also if a confirmation from before is answered afterwards', async () => {
  const bench = await Bench.start()
  const { link, lease, state, begin, stop, files } = await bench.life()
  await begin()
  const answers = link.holdAnswers()
  await bench.clock.advance(115_000)
  await bench.release()
  lease.giveUp(await bench.store.get('PodBlock', BLOCK))
  answers.release(1)
  await quiet()
  assert.equal(state().is, 'over')
  await stop()
  const next = await bench.life('boot-1', files)
  assert.equal(next.state().is, 'over', 'the next process knows it too')
  await next.stop()
})

test('a number of pods is told by the life that confirmed last, and by no other', async () => {
  const bench = await Bench.start()
  const first = await bench.life('boot-1')
  await first.begin()
  const block = await bench.store.get('PodBlock', BLOCK)
  const other = await bench.life('boot-2')
  assert.deepEqual([first.lease.speaksFor(block), other.lease.speaksFor(block)], [true, false])
  await first.stop()
  await other.stop()
})

test('who took a claim over is alone when the life before cannot rely on it any more, also in its next process', async () => {
  const bench = await Bench.start()
  const first = await bench.life('boot-1')
  await first.begin()
  assert.ok(first.lease.isAlone, 'nobody had it before')
  const clone = await bench.life('boot-2', { ...first.files })
  clone.link.losesAnswers = true
  await clone.begin()
  assert.ok(!clone.lease.isAlone, 'the claim is its own, though it was not told so')
  await clone.stop()
  await bench.clock.advance(COOLDOWN_S * 1_000 - 1)
  const next = await bench.life('boot-2', clone.files)
  await next.begin()
  assert.deepEqual([next.state().is, next.lease.isAlone], ['valid', false])
  await bench.clock.advance(1)
  assert.ok(next.lease.isAlone)
  assert.ok(first.lease.isAlone, 'what it had before is its own')
  await first.stop()
  await next.stop()
})

test('who took a claim over confirms it for no shorter than the life before may rely on it', async () => {
  const bench = await Bench.start()
  const first = await bench.life('boot-1')
  await first.begin()
  first.link.cut()
  bench.cooldownSeconds = 60
  const clone = await bench.life('boot-2', { ...first.files })
  await clone.begin()
  await bench.clock.advance(COOLDOWN_S * 1_000 - 1)
  assert.equal((await bench.confirmation())?.seconds, COOLDOWN_S)
  await bench.clock.advance(20_000)
  assert.equal((await bench.confirmation())?.seconds, 60)
  await first.stop()
  await clone.stop()
})

test('once it is stopped nothing is left of it: no timer, no word, and no write to the next process’s record', async () => {
  const bench = await Bench.start()
  const { link, begin, stop, files } = await bench.life()
  const answers = link.holdAnswers()
  await begin()
  await stop()
  answers.release(1)
  await quiet()
  assert.equal(files.lease, '')
  const { renewals } = (await bench.confirmation()) ?? {}
  await bench.clock.advance(3_600_000)
  assert.equal((await bench.confirmation())?.renewals, renewals)
})
