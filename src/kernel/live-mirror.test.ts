import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LiveMirror } from './live-mirror.ts'
import type { ObservedEntry } from './operation.ts'

const route = (dst: string): ObservedEntry => ({
  entry: { kind: 'route', dst, table: 254, metric: 0, link: 'eth0' },
  mark: 'ours',
})
const ROUTE = route('10.0.1.0/24')
const OTHER = route('10.0.2.0/24')

/** Begins to observe; the result is what `end` is called with, and the promise is kept when it counts. */
function observation(live: LiveMirror): { readonly end: (found: readonly ObservedEntry[]) => Promise<void> } {
  const { promise, resolve } = Promise.withResolvers<readonly ObservedEntry[]>()
  const replaced = live.replace(
    () => promise,
    task => task(),
    async () => undefined,
  )
  return {
    end: found => {
      resolve(found)
      return replaced
    },
  }
}

const keys = (live: LiveMirror) => [...live.current.keys()]

test('an observation that ends after one that began later does not bring back what it saw', async () => {
  const live = new LiveMirror()
  const audit = observation(live)
  const resync = observation(live)
  await resync.end([OTHER])
  await audit.end([ROUTE, OTHER])
  assert.deepEqual(keys(live), ['route 10.0.2.0/24 table 254 metric 0'])
})

test('an observation that ends before one that began later counts until that ends', async () => {
  const live = new LiveMirror()
  const audit = observation(live)
  const resync = observation(live)
  await audit.end([ROUTE])
  assert.deepEqual(keys(live), ['route 10.0.1.0/24 table 254 metric 0'])
  await resync.end([OTHER])
  assert.deepEqual(keys(live), ['route 10.0.2.0/24 table 254 metric 0'])
})

test('what events tell while it goes on is newer than an observation, whichever ends first', async () => {
  for (const first of ['audit', 'resync'] as const) {
    const live = new LiveMirror()
    const both = { audit: observation(live), resync: observation(live) }
    live.fold({ event: 'set', observed: ROUTE })
    await both[first].end([])
    live.fold({ event: 'set', observed: OTHER })
    await both[first === 'audit' ? 'resync' : 'audit'].end([])
    assert.deepEqual(keys(live).toSorted(), [
      'route 10.0.1.0/24 table 254 metric 0',
      'route 10.0.2.0/24 table 254 metric 0',
    ])
  }
})
