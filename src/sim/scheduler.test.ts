import assert from 'node:assert/strict'
import { test } from 'node:test'
import { settle } from '../base/index.ts'
import { Scheduler } from './scheduler.ts'

/** Twenty processes that wait, draw numbers and start each other's timers. */
async function play(seed: number): Promise<{ hash: string; told: string[] }> {
  const scheduler = new Scheduler({ seed })
  const told: string[] = []
  const live = async (name: string) => {
    const clock = scheduler.clock(name)
    for (let round = 0; round < 10; round++) {
      await settle()
      await new Promise<void>(resolve => clock.after(Math.floor(scheduler.random() * 3), resolve))
      told.push(`${name} ${scheduler.nowMs}`)
    }
  }
  for (let index = 0; index < 20; index++) void live(`p${index}`)
  await scheduler.run({ maxEvents: 10_000 })
  return { hash: scheduler.trace.hash, told }
}

test('one seed gives one run, another seed another', async () => {
  const [first, again, other] = [await play(1), await play(1), await play(2)]
  assert.equal(first.told.length, 200)
  assert.deepEqual(again, first)
  assert.notEqual(other.hash, first.hash)
  assert.notDeepEqual(other.told, first.told)
})

/** In which order events come of which four have one deadline. */
async function orderOf(seed: number): Promise<number[]> {
  const scheduler = new Scheduler({ seed })
  const order: number[] = []
  scheduler.after(20, 'last', () => order.push(9))
  for (const name of [1, 2, 3, 4]) scheduler.after(10, `${name}`, () => order.push(name))
  scheduler.after(5, 'first', () => order.push(0))
  scheduler.after(7, 'never', () => order.push(99)).cancel()
  await scheduler.run({ maxEvents: 100 })
  return order
}

test('events come by deadline; at one deadline the seed decides', async () => {
  const orders = await Promise.all(Array.from({ length: 20 }, (_, seed) => orderOf(seed)))
  for (const order of orders) {
    assert.equal(order[0], 0)
    assert.deepEqual(order.slice(1, 5).sort(), [1, 2, 3, 4])
    assert.equal(order[5], 9)
  }
  assert.ok(new Set(orders.map(order => order.join(' '))).size > 5)
})

test('all promises drain between two events, also across a turn of the event loop', async () => {
  const scheduler = new Scheduler({ seed: 1 })
  const order: string[] = []
  scheduler.after(1, 'a', () => {
    void (async () => {
      for (let index = 0; index < 50; index++) await Promise.resolve()
      order.push('promises of a')
    })()
  })
  scheduler.after(2, 'b', () => order.push('b'))
  await scheduler.run({ maxEvents: 10 })
  assert.deepEqual(order, ['promises of a', 'b'])
})

test('a paused process gets its timers when it resumes; a stopped one never', async () => {
  const scheduler = new Scheduler({ seed: 1 })
  const clock = scheduler.clock('agent')
  const fired: string[] = []
  clock.after(10, () => fired.push(`a at ${clock.nowMs()}`))
  clock.after(20, () => fired.push('cancelled')).cancel()
  const late = clock.after(30, () => fired.push('cancelled while paused'))
  clock.pause()
  await scheduler.run({ untilMs: 50, maxEvents: 100 })
  assert.equal(fired.length, 0)
  late.cancel()
  clock.resume()
  await scheduler.run({ untilMs: 60, maxEvents: 100 })
  assert.equal(fired.join(), 'a at 50')
  clock.after(10, () => fired.push('after its end'))
  clock.stop()
  await scheduler.run({ untilMs: 100, maxEvents: 100 })
  assert.equal(fired.length, 1)
})

test('the wall clock can be set, monotonic time cannot', () => {
  const clock = new Scheduler({ seed: 1 }).clock('agent')
  const before = clock.wallMs()
  clock.jumpWall(-3_600_000)
  assert.equal(clock.wallMs(), before - 3_600_000)
  assert.equal(clock.nowMs(), 0)
})

test('a run ends at its time, at its goal, or with an error when it does not come to rest', async () => {
  const scheduler = new Scheduler({ seed: 1 })
  const tick = () => void scheduler.after(10, 'tick', tick)
  tick()
  await scheduler.run({ untilMs: 95, maxEvents: 100 })
  assert.deepEqual([scheduler.events, scheduler.nowMs], [9, 95])
  await scheduler.run({ until: () => scheduler.events === 12, maxEvents: 100 })
  assert.equal(scheduler.nowMs, 120)
  await assert.rejects(scheduler.run({ maxEvents: 5 }), /still busy after 5 events/)
  assert.equal(scheduler.trace.last(1)[0]?.trim(), '0.170 s  tick')
})

test('what an event throws ends the run', async () => {
  const scheduler = new Scheduler({ seed: 1 })
  scheduler.after(1, 'defect', () => {
    throw new Error('broken')
  })
  await assert.rejects(scheduler.run({ maxEvents: 5 }), /broken/)
})
