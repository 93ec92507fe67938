import assert from 'node:assert/strict'
import { test } from 'node:test'
import { diff } from './diff.ts'
import { type Entry, entryKey, type LinkEntry, type RouteEntry } from './entry.ts'
import type { ObservedEntry } from './operation.ts'

const uplink: LinkEntry = { kind: 'link', type: 'device', name: 'eth0', claim: 'use', owner: 't', up: true }
const bridge: LinkEntry = { kind: 'link', type: 'bridge', name: 'br0', claim: 'own', owner: 't', up: true }
const port: LinkEntry = {
  kind: 'link',
  type: 'veth',
  name: 'vh0',
  claim: 'own',
  owner: 't',
  master: 'br0',
  peer: { name: 'eth0', netns: 'pod' },
}
const vxlan: LinkEntry = {
  kind: 'link',
  type: 'vxlan',
  name: 'vx1',
  claim: 'own',
  owner: 't',
  vni: 1,
  udpPort: 8472,
  local: '192.0.2.1',
  device: 'eth0',
  learning: false,
  gbp: false,
}
const connected: RouteEntry = { kind: 'route', dst: '10.1.0.0/16', table: 254, metric: 0, link: 'vx1' }
const route: RouteEntry = { ...connected, dst: '10.9.0.0/24', gateway: '10.1.0.1' }
const neighbour: Entry = { kind: 'neighbour', link: 'vx1', address: '10.1.0.1', mac: '02:00:00:00:00:01' }
const fdb = { kind: 'fdb', link: 'vx1', mac: '02:00:00:00:00:01', dst: '192.0.2.2' } as const
const address: Entry = { kind: 'address', link: 'vx1', address: '10.1.0.9/16' }
const sysctl: Entry = { kind: 'sysctl', path: 'ipv4/conf/vx1/forwarding', value: '1' }
const rule: Entry = { kind: 'rule', family: 4, priority: 9, table: 100 }

function desired(...entries: readonly Entry[]): Map<string, Entry> {
  return new Map(entries.map(entry => [entryKey(entry), entry]))
}

function observed(...items: readonly ObservedEntry[]): Map<string, ObservedEntry> {
  return new Map(items.map(item => [entryKey(item.entry), item]))
}

const ours = (entry: Entry): ObservedEntry => ({ entry, mark: 'ours' })
const foreign = (entry: Entry): ObservedEntry => ({ entry, mark: 'foreign' })

/** `create link vx1`, `delete route 10.9.0.0/24`: operation, kind and the first word of the key. */
function steps(...args: Parameters<typeof diff>): string[] {
  return diff(...args).operations.map(
    ({ op, entry }) => `${op} ${entryKey(entry).split(' ').slice(0, 2).join(' ')}`,
  )
}

test('creation goes from what is stood upon to what stands, whatever the order of the wishes', () => {
  const wishes = desired(rule, route, fdb, neighbour, connected, address, sysctl, port, vxlan, bridge, uplink)
  assert.deepEqual(steps(wishes, observed(foreign({ ...uplink, up: false }))), [
    'change link eth0',
    'create link vx1',
    'create link br0',
    'create link vh0',
    'create sysctl ipv4/conf/vx1/forwarding',
    'create address 10.1.0.9/16',
    'create neighbour 10.1.0.1',
    'create fdb 02:00:00:00:00:01',
    'create route 10.1.0.0/16',
    'create route 10.9.0.0/24',
    'create rule 9',
  ])
})

test('deletion goes the other way, and what goes along with a link is not deleted by itself', () => {
  const had = observed(ours(vxlan), ours(route), ours(connected), ours(neighbour), foreign(fdb), ours(rule))
  assert.deepEqual(steps(desired(), observed(foreign(uplink), ...had.values())), [
    'delete rule 9',
    'delete link vx1',
  ])
  const kept = desired(uplink, vxlan)
  assert.deepEqual(steps(kept, observed(foreign(uplink), ...had.values())), [
    'delete rule 9',
    'delete route 10.9.0.0/24',
    'delete route 10.1.0.0/16',
    'delete fdb 02:00:00:00:00:01',
    'delete neighbour 10.1.0.1',
  ])
})

test('nothing is left to do when everything is as desired, and absent attributes are not compared', () => {
  const seen = observed(
    foreign({ ...uplink, mtu: 9000 }),
    ours({ ...vxlan, mtu: 1450, mac: '02:00:00:00:00:09', up: true }),
    ours({ ...connected, scope: 'link', onlink: false, type: 'unicast' }),
  )
  assert.deepEqual(diff(desired(uplink, vxlan, connected), seen), { operations: [], findings: [] })
})

test('a link made anew takes along what hangs on it, and what stacks on it', () => {
  const macvlan: LinkEntry = {
    kind: 'link',
    type: 'macvlan',
    name: 'mv0',
    claim: 'own',
    owner: 't',
    device: 'br0',
    mode: 'bridge',
  }
  const on = { kind: 'address', link: 'mv0', address: '10.3.0.1/32' } as const
  const wishes = desired(bridge, port, macvlan, on)
  const wasVxlan: LinkEntry = { ...vxlan, name: 'br0', device: 'eth0' }
  const seen = observed(
    foreign(uplink),
    ours(wasVxlan),
    ours({ ...port, bridgePort: { hairpin: true } }),
    ours(macvlan),
    ours(on),
  )
  assert.deepEqual(steps(wishes, seen), [
    'delete link br0',
    'create link br0',
    'change link vh0',
    'create link mv0',
    'create address 10.3.0.1/32',
  ])
})

test('a foreign link is adopted if its definition matches, and named if not', () => {
  const theirs: LinkEntry = { ...vxlan, claim: 'use', owner: '', mtu: 1400 }
  const adopted = diff(desired({ ...vxlan, mtu: 1450 }), observed(foreign(uplink), foreign(theirs)))
  assert.deepEqual(
    adopted.operations.map(({ op, why }) => [op, why]),
    [
      ['adopt', 'adopt'],
      ['change', 'differs'],
    ],
  )
  const refused = diff(desired(vxlan, fdb), observed(foreign(uplink), foreign({ ...theirs, vni: 2 })))
  assert.deepEqual(refused.operations, [])
  assert.deepEqual(
    refused.findings.map(({ code, key }) => [code, key]),
    [['foreign-object', 'link vx1']],
  )
  assert.match(refused.findings[0]?.message ?? '', /vni 1 .*vni 2/)
})

test('an adopted link brings its stale entries under our care', () => {
  const theirs: LinkEntry = { ...vxlan, claim: 'use', owner: '' }
  const stale = { kind: 'fdb', link: 'vx1', mac: '02:00:00:00:00:77', dst: '192.0.2.77' } as const
  const seen = observed(foreign(uplink), foreign(theirs), foreign(stale), foreign(fdb))
  assert.deepEqual(steps(desired(vxlan, fdb), seen), ['adopt link vx1', 'delete fdb'.concat(` ${stale.mac}`)])
})

test('what the kernel or others made is never deleted', () => {
  const linkLocal: Entry = { kind: 'address', link: 'vx1', address: 'fe80::1/64' }
  const onUplink: Entry = { kind: 'address', link: 'eth0', address: '192.0.2.1/24' }
  const seen = observed(
    foreign(uplink),
    ours(vxlan),
    foreign(linkLocal),
    foreign(onUplink),
    foreign(connected),
  )
  assert.deepEqual(steps(desired(vxlan), seen), [])
  const added: Entry = { kind: 'address', link: 'vx1', address: '10.8.0.1/24' }
  assert.deepEqual(steps(desired(vxlan), observed(...seen.values(), foreign(added))), [
    'delete address 10.8.0.1/24',
  ])
})

test('a link that is made again sets its place free before another one takes it, also the other way round', () => {
  const moved: LinkEntry = { ...vxlan, udpPort: 4789 }
  const taking: LinkEntry = { ...vxlan, name: 'vx2' }
  const order = ['delete link vx1', 'create link vx2', 'create link vx1']
  assert.deepEqual(steps(desired(taking, moved), observed(foreign(uplink), ours(vxlan))), order)
  const swapped = observed(foreign(uplink), ours(vxlan), ours({ ...taking, udpPort: 4789 }))
  assert.deepEqual(steps(desired(moved, taking), swapped).toSorted(), [
    'create link vx1',
    'create link vx2',
    'delete link vx1',
    'delete link vx2',
  ])
  assert.match(steps(desired(moved, taking), swapped).join(', '), /^delete.*delete.*create.*create/)
})

test('a stale entry goes before the one that needs its place, every other stale one last', () => {
  const renamed: LinkEntry = { ...vxlan, name: 'vx2' }
  const moved = { ...fdb, dst: '192.0.2.3' }
  assert.deepEqual(steps(desired(renamed), observed(foreign(uplink), ours(vxlan), ours(rule))), [
    'delete link vx1',
    'create link vx2',
    'delete rule 9',
  ])
  assert.deepEqual(
    diff(desired(vxlan, moved), observed(foreign(uplink), ours(vxlan), foreign(fdb))).operations.map(
      ({ op, entry }) => [op, entry.kind === 'fdb' && entry.dst],
    ),
    [
      ['delete', '192.0.2.2'],
      ['create', '192.0.2.3'],
    ],
  )
})

test('routes change in place, also to another link, so that traffic never finds a gap', () => {
  const had = observed(foreign(uplink), ours(vxlan), ours({ ...route, link: 'vx1' }))
  const plan = diff(desired({ ...route, link: 'eth0', gateway: '192.0.2.2' }), had)
  assert.deepEqual(
    plan.operations.map(({ op, entry }) => `${op} ${entry.kind}`),
    ['change route', 'delete link'],
  )
})

test('an entry that makes no sense stops nothing', () => {
  const nonsense: Entry = { kind: 'address', link: 'vx1', address: 'not an address' }
  assert.deepEqual(steps(desired(nonsense, rule), observed(foreign(uplink), ours(vxlan))).toSorted(), [
    'create rule 9',
    'delete link vx1',
  ])
})

test('a missing link is one finding, however many entries wait for it', () => {
  const plan = diff(desired(vxlan, fdb, connected, route), observed())
  assert.deepEqual(plan.operations, [])
  assert.deepEqual(
    plan.findings.map(({ code, key }) => [code, key]),
    [['link-missing', 'link eth0']],
  )
})

test('an equal route of another program is information, a different one an error', () => {
  const seen = observed(foreign(uplink), ours(vxlan), foreign(connected))
  const info = diff(desired(vxlan, connected), seen)
  assert.deepEqual([info.operations, info.findings[0]?.severity], [[], 'info'])
  const other = diff(desired(vxlan, { ...connected, mtu: 1300 }), seen)
  assert.deepEqual([other.operations, other.findings[0]?.severity], [[], 'error'])
})

test('a device that was moved here is not adopted, displaced or deleted like others', () => {
  const moved: LinkEntry = {
    ...uplink,
    claim: 'own',
    movedFrom: { netns: 'host', name: 'nic0' },
  }
  const other: LinkEntry = { ...moved, movedFrom: { netns: 'host', name: 'nic1' } }
  const codesOf = (wanted: LinkEntry, seen: ObservedEntry) => {
    const plan = diff(desired(wanted), observed(seen))
    return [...plan.operations.map(({ op }) => op), ...plan.findings.map(({ code }) => code)]
  }
  assert.deepEqual(codesOf(moved, foreign(uplink)), ['foreign-object'])
  assert.deepEqual(codesOf(other, ours(moved)), ['foreign-object'])
  assert.deepEqual(codesOf({ ...bridge, name: 'eth0' }, ours(moved)), ['foreign-object'])
  assert.deepEqual(steps(desired(), observed(ours(moved))), ['delete link eth0'])
})
