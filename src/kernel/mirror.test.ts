import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Entry } from './entry.ts'
import { Mirror } from './mirror.ts'
import type { KernelEvent, ObservedEntry } from './operation.ts'

const link = (name: string): Entry => ({ kind: 'link', type: 'bridge', name, claim: 'own', owner: 't' })
const stacked: Entry = {
  kind: 'link',
  type: 'macvlan',
  name: 'mv0',
  claim: 'own',
  owner: 't',
  device: 'br0',
  mode: 'bridge',
}
const port: Entry = { kind: 'link', type: 'device', name: 'p0', claim: 'use', owner: '', master: 'br0' }
const address = (name: string): Entry => ({ kind: 'address', link: name, address: '10.0.0.1/24' })
const route: Entry = { kind: 'route', dst: '10.0.0.0/8', table: 254, metric: 0, link: 'br0' }
const set = (entry: Entry, mark: ObservedEntry['mark'] = 'ours', beside = false): KernelEvent => ({
  event: 'set',
  observed: { entry, mark },
  beside,
})

function mirrorOf(...entries: readonly Entry[]): Mirror {
  const mirror = new Mirror()
  for (const entry of entries) mirror.fold(set(entry))
  return mirror
}

test('what hangs on a link goes with it, through whatever stacks on it; ports stay', () => {
  const mirror = mirrorOf(link('br0'), stacked, address('mv0'), port, route)
  mirror.fold({ event: 'gone', key: 'link br0' })
  const touched = mirror.fold({ event: 'parent-gone', parent: 'link br0' })
  assert.deepEqual([...mirror.keys()], ['link p0'])
  assert.deepEqual(touched.toSorted(), [
    'address 10.0.0.1/24 dev mv0',
    'link mv0',
    'route 10.0.0.0/8 table 254 metric 0',
  ])
})

test('addresses of a link are told from all else that hangs on it, for as long as they are there', () => {
  const key = 'address 10.0.0.1/24 dev br0'
  const mirror = mirrorOf(link('br0'), stacked, port, route, address('mv0'), address('br0'))
  assert.deepEqual([...mirror.addressesOf('link br0')], [key])
  mirror.fold({ event: 'gone', key })
  assert.deepEqual([...mirror.addressesOf('link br0')], [])
  mirror.fold({ event: 'parent-gone', parent: 'link br0' })
  assert.deepEqual([...mirror.addressesOf('link mv0')], [])
})

test('a foreign route beside ours does not hide it, and its end does not end ours', () => {
  const mirror = mirrorOf(route)
  const key = 'route 10.0.0.0/8 table 254 metric 0'
  assert.deepEqual(mirror.fold(set({ ...route, link: 'br1' }, 'foreign', true)), [])
  assert.deepEqual(mirror.get(key), { entry: route, mark: 'ours', beside: { ...route, link: 'br1' } })
  // Now ours may be changed, which could have hit the other.
  assert.deepEqual(mirror.fold({ event: 'gone', key, mark: 'foreign' }), [key])
  assert.deepEqual(mirror.get(key), { entry: route, mark: 'ours' })
  // A dump may name them in any order, and ours may go first.
  const dumped = mirrorOf()
  dumped.fold(set({ ...route, link: 'br1' }, 'foreign', true))
  dumped.fold(set(route, 'ours', true))
  assert.equal(dumped.get(key)?.mark, 'ours')
  dumped.fold({ event: 'gone', key, mark: 'ours' })
  assert.deepEqual(dumped.get(key), { entry: { ...route, link: 'br1' }, mark: 'foreign' })
  mirror.fold(set({ ...route, link: 'br1' }, 'foreign'))
  assert.equal(mirror.get(key)?.mark, 'foreign')
})

test('a replacement drops what it does not list, within its scope only', () => {
  const other: Entry = { ...route, dst: '10.1.0.0/16' }
  const six: Entry = { ...route, dst: 'fd00::/8' }
  const mirror = mirrorOf(link('br0'), route, other, six, address('br0'))
  const touched = mirror.fold({
    event: 'replace',
    scope: { kind: 'route', family: 4, mark: 'ours' },
    entries: [{ entry: other, mark: 'ours' }],
  })
  assert.equal(mirror.size, 4)
  assert.ok(touched.includes('route 10.0.0.0/8 table 254 metric 0'))
  mirror.fold({ event: 'replace', scope: { kind: 'route', parent: 'link br0' }, entries: [] })
  assert.deepEqual([...mirror.keys()].toSorted(), ['address 10.0.0.1/24 dev br0', 'link br0'])
})

test('a vxlan link has one destination per MAC: the new one takes the place of the old', () => {
  const fdb = { kind: 'fdb', link: 'vx1', mac: '02:00:00:00:00:01', dst: '192.0.2.1' } as const
  const zero = { ...fdb, mac: '00:00:00:00:00:00' } as const
  const mirror = mirrorOf(fdb, zero, { ...zero, dst: '192.0.2.2' })
  const touched = mirror.fold(set({ ...fdb, dst: '192.0.2.9' }))
  assert.equal(touched.length, 2)
  assert.deepEqual(
    [...mirror.keys()].filter(key => key.includes('02:00')),
    ['fdb 02:00:00:00:00:01 dev vx1 dst 192.0.2.9'],
  )
  assert.equal(mirror.size, 3)
})
