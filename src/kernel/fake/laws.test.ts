import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Entry, entryKey } from '../entry.ts'
import { FakeKernel } from './fake-kernel.ts'
import type { ForeignAct } from './foreign-act.ts'
import { performForeign } from './perform-foreign.ts'

const MAC = '02:00:00:00:00:09'
const room: readonly Entry[] = [
  { kind: 'link', type: 'bridge', name: 'br0', claim: 'use', owner: '' },
  { kind: 'address', link: 'br0', address: '10.1.0.1/24' },
  { kind: 'address', link: 'br0', address: '10.1.0.2/24' },
  { kind: 'address', link: 'br0', address: 'fd00::1/64' },
  { kind: 'route', dst: '10.2.0.0/24', table: 254, metric: 5, link: 'br0', gateway: '10.1.0.9' },
  { kind: 'route', dst: '10.3.0.0/24', table: 254, metric: 0, link: 'eth0', source: '10.1.0.1' },
  { kind: 'neighbour', link: 'br0', address: '10.1.0.9', mac: MAC },
  { kind: 'neighbour', link: 'br0', address: 'fd00::9', mac: MAC },
]
const IPV4 = ['address 10.1.0.1/24', 'address 10.1.0.2/24']
const ROUTES = ['route 10.1.0.0/24', 'route 10.2.0.0/24', 'route 10.3.0.0/24']

/** What goes when a program does that, and nobody says so: each was seen in the real kernel. */
const laws: readonly { readonly act: ForeignAct; readonly lost: readonly string[] }[] = [
  {
    act: { act: 'set-link', name: 'br0', changes: { up: false } },
    lost: [
      'address fd00::1/64',
      'neighbour 10.1.0.9',
      'neighbour fd00::9',
      ...ROUTES.slice(0, 2),
      'route fd00::/64',
    ],
  },
  {
    act: { act: 'set-link', name: 'br0', changes: { mac: MAC } },
    lost: ['neighbour 10.1.0.9', 'neighbour fd00::9'],
  },
  // The second address of the subnet goes with the first, and the link has none then.
  {
    act: { act: 'remove', entry: { kind: 'address', link: 'br0', address: '10.1.0.1/24' } },
    lost: [...IPV4, 'neighbour 10.1.0.9', ...ROUTES],
  },
  {
    act: { act: 'remove', entry: { kind: 'address', link: 'br0', address: '10.1.0.2/24' } },
    lost: ['address 10.1.0.2/24'],
  },
  {
    act: { act: 'remove', entry: { kind: 'address', link: 'br0', address: 'fd00::1/64' } },
    lost: ['address fd00::1/64', 'route fd00::/64'],
  },
  // A metric of 0 means any.
  {
    act: {
      act: 'remove',
      entry: { kind: 'route', dst: '10.2.0.0/24', table: 254, metric: 0, link: 'br0' },
    },
    lost: ['route 10.2.0.0/24'],
  },
]

for (const { act, lost } of laws) {
  test(`what goes along with ${JSON.stringify(act)}`, () => {
    const kernel = new FakeKernel({ devices: ['eth0'] })
    for (const entry of room) {
      assert.equal(performForeign(kernel, { act: 'add', entry }), undefined, entryKey(entry))
      if (entry.kind === 'link')
        performForeign(kernel, { act: 'set-link', name: 'br0', changes: { up: true } })
    }
    const before = keysOf(kernel)
    assert.equal(performForeign(kernel, act), undefined)
    const after = new Set(keysOf(kernel))
    assert.deepEqual(
      before.filter(key => !after.has(key)).map(key => key.split(' ', 2).join(' ')),
      lost,
    )
  })
}

function keysOf({ namespace }: FakeKernel): string[] {
  return [...namespace.entries()].map(({ entry }) => entryKey(entry)).toSorted()
}
