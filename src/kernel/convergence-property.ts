import assert from 'node:assert/strict'
import fc from 'fast-check'
import { silentLogger } from '../base/index.ts'
import { Graph } from '../derive/index.ts'
import { diff } from './diff.ts'
import { type Entry, entryKey } from './entry.ts'
import type { Harness } from './kernel-suite/harness.ts'
import { rulesOf } from './kinds/index.ts'
import { Reconciler } from './reconciler.ts'

const OWNER = 'property'
const LINKS = ['br0', 'br1', 'vx7'] as const

const link = fc.oneof(
  fc.record({ name: fc.constantFrom('br0', 'br1'), mtu: fc.constantFrom(1300, 1400) }).map(
    ({ name, mtu }): Entry => ({
      kind: 'link',
      type: 'bridge',
      name,
      claim: 'own',
      owner: OWNER,
      mtu,
      up: true,
    }),
  ),
  fc.constantFrom(7, 8).map(
    (vni): Entry => ({
      kind: 'link',
      type: 'vxlan',
      name: 'vx7',
      claim: 'own',
      owner: OWNER,
      vni,
      udpPort: 8472,
      local: '192.168.77.1',
      device: 'uplink',
      learning: false,
      gbp: false,
      up: true,
    }),
  ),
)
const dst = fc.constantFrom('10.1.0.0/16', '10.2.0.0/24', '10.3.0.1/32')
const metric = fc.constantFrom(0, 5)
const mac = fc.constantFrom('02:00:00:00:00:01', '02:00:00:00:00:02')

function route(links: fc.Arbitrary<string>): fc.Arbitrary<Entry> {
  const gateway = fc.option(fc.constantFrom('10.9.0.1', '10.9.0.2'), { nil: undefined })
  return fc.record({ dst, metric, link: links, gateway }).map(({ gateway, ...rest }) => ({
    kind: 'route',
    table: 254,
    ...rest,
    ...(gateway === undefined ? {} : { gateway, onlink: true }),
  }))
}

function neighbour(links: fc.Arbitrary<string>): fc.Arbitrary<Entry> {
  const address = fc.constantFrom('10.9.0.1', '10.9.0.2')
  return fc.record({ kind: fc.constant('neighbour'), address, mac, link: links })
}

const rule: fc.Arbitrary<Entry> = fc.record({
  kind: fc.constant('rule'),
  family: fc.constantFrom(4, 6),
  priority: fc.constantFrom(1000, 1001),
  table: fc.constantFrom(100, 101),
})

const own = fc.oneof(
  { weight: 3, arbitrary: link },
  { weight: 3, arbitrary: route(fc.constantFrom(...LINKS, 'uplink')) },
  neighbour(fc.constantFrom(...LINKS, 'uplink')),
  rule,
  fc.record({
    kind: fc.constant('address'),
    // The first two share a subnet: deleting one takes the other along.
    address: fc.constantFrom('10.1.0.1/24', '10.1.0.2/24', '10.5.0.1/32', 'fd00::1/64'),
    link: fc.constantFrom(...LINKS),
  }),
  fc.record({
    kind: fc.constant('fdb'),
    mac,
    link: fc.constant('vx7'),
    dst: fc.constantFrom('192.0.2.1', '192.0.2.2'),
  }),
  fc.record({ link: fc.constantFrom(...LINKS), rateBps: fc.constantFrom(8_000_000, 16_000_000) }).map(
    ({ link, rateBps }): Entry => ({
      kind: 'qdisc',
      link,
      qdisc: { type: 'tbf', rateBps, burstBytes: 20_000, limitBytes: 40_000 },
    }),
  ),
  fc.record({
    kind: fc.constant('redirect'),
    link: fc.constantFrom('br0', 'vx7'),
    to: fc.constantFrom('br1', 'uplink'),
  }),
  fc.constantFrom('return', 'accept').map(
    (verdict): Entry => ({
      kind: 'nft-table',
      family: 'ip',
      name: 'podlace-property',
      sets: [{ name: 'pods', type: 'set', interval: true, key: ['ipv4_addr'] }],
      chains: [{ name: 'c', rules: [{ comment: 'r', match: [], verdict: { do: verdict } }] }],
    }),
  ),
  fc.constantFrom('10.1.0.0/16', '10.2.0.0/16').map(
    (prefix): Entry => ({
      kind: 'nft-element',
      family: 'ip',
      table: 'podlace-property',
      set: 'pods',
      key: [prefix],
    }),
  ),
)
/** Others keep to the device that is theirs; some of it stands under our keys. */
const foreign = fc.oneof(route(fc.constant('uplink')), neighbour(fc.constant('uplink')))

/** One opinion a key; of the FDB one destination a MAC, as the kernel has it. */
function consistent(entries: readonly Entry[]): Entry[] {
  const byKey = new Map<string, Entry>()
  const taken = new Map<string, string>()
  for (const entry of entries) {
    const key = entryKey(entry)
    const token = entry.kind === 'fdb' ? entry.mac : undefined
    if (token !== undefined && (taken.get(token) ?? key) !== key) continue
    if (token !== undefined) taken.set(token, key)
    byKey.set(key, entry)
  }
  return [...byKey.values()]
}

const state = fc.array(own, { maxLength: 14 }).map(consistent)
const scenario = fc.record({
  theirs: fc.array(foreign, { maxLength: 4 }).map(consistent),
  first: state,
  second: state,
  /** Which of ours somebody removes in the end, as indexes into what is there. */
  removed: fc.array(fc.nat(20), { maxLength: 4 }),
})

/**
 * Whatever is desired, then desired instead, and removed by others: in the end nothing is left to do, what is desired
 * is there or is a finding, and what others made is as they made it.
 */
export async function convergenceProperty(
  createHarness: () => Promise<Harness>,
  numRuns: number,
): Promise<void> {
  await fc.assert(
    fc.asyncProperty(scenario, async ({ theirs, first, second, removed }) => {
      const harness = await createHarness()
      const desired = new Graph().source<Entry>('desired')
      const { kernel, clock } = harness
      const reconciler = new Reconciler({ kernel, desired, clock, log: silentLogger })
      const want = (entries: readonly Entry[]) =>
        desired.replace(entries.map(entry => [entryKey(entry), entry]))
      try {
        harness.foreign.addDevice('uplink')
        for (const entry of theirs) harness.foreign.add(entry)
        want(first)
        await reconciler.start()
        want(second)
        await reconciler.settled()
        await removeSome(harness, second, removed)
        await harness.eventually(async () => (await leftOver(harness, second)).length === 0)
        await reconciler.settled()
        await checkAll(harness, second, theirs)
      } finally {
        await reconciler.stop()
        harness.close()
      }
    }),
    { numRuns },
  )
}

async function observe(harness: Harness, desired: readonly Entry[]) {
  const kernel = harness.restart()
  const observed = await kernel.observe(desired)
  kernel.close()
  return new Map(observed.map(item => [entryKey(item.entry), item]))
}

async function leftOver(harness: Harness, desired: readonly Entry[]): Promise<string[]> {
  const map = new Map(desired.map(entry => [entryKey(entry), entry]))
  const { operations } = diff(map, await observe(harness, desired))
  return operations.map(({ op, entry }) => `${op} ${entryKey(entry)}`)
}

async function removeSome(
  harness: Harness,
  desired: readonly Entry[],
  picks: readonly number[],
): Promise<void> {
  const observed = await observe(harness, desired)
  const present = desired.filter(entry => observed.get(entryKey(entry))?.mark === 'ours')
  const removable = present.filter(({ kind }) => kind === 'route' || kind === 'neighbour' || kind === 'link')
  for (const pick of new Set(picks)) {
    const entry = removable[pick]
    if (entry === undefined || !(await observe(harness, desired)).has(entryKey(entry))) continue
    try {
      harness.foreign.remove(entry)
    } catch {
      // Ours was gone, or not back yet, when it came to it: as good a case as any.
    }
  }
}

async function checkAll(
  harness: Harness,
  desired: readonly Entry[],
  theirs: readonly Entry[],
): Promise<void> {
  const observed = await observe(harness, desired)
  for (const entry of theirs) {
    const found = observed.get(entryKey(entry))
    assert.ok(
      found?.mark === 'foreign' && rulesOf(entry).equals(entry, found),
      `${entryKey(entry)} was touched`,
    )
  }
  const map = new Map(desired.map(entry => [entryKey(entry), entry]))
  const { findings } = diff(map, observed)
  const explained = new Set(findings.map(({ key }) => key))
  for (const entry of desired) {
    const found = observed.get(entryKey(entry))
    const holds = found !== undefined && rulesOf(entry).equals(entry, found)
    const parents = rulesOf(entry).parents(entry)
    const excused = explained.has(entryKey(entry)) || parents.some(({ key }) => !map.has(key))
    assert.ok(holds || excused, `${entryKey(entry)} neither holds nor is explained`)
  }
}
