import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Entry, formatEntry, type LinkEntry } from '../kernel/index.ts'
import { removedOnDelete } from './plan.ts'
import { planVrf, type VrfSpec } from './vrf.ts'
import { parseVrfConfig } from './vrf-config.ts'

const prevResult = { interfaces: [{ name: 'net1' }], ips: [], routes: [], dns: {} }
const device = { kind: 'link', type: 'device', claim: 'use', owner: '' } as const
const net1: LinkEntry = { ...device, name: 'net1' }
const route = { kind: 'route', table: 254, metric: 0, link: 'net1' } as const
const vrf = (name: string, table: number): LinkEntry => ({
  kind: 'link',
  type: 'vrf',
  claim: 'own',
  owner: '',
  name,
  table,
})

const present: readonly Entry[] = [
  net1,
  { kind: 'address', link: 'net1', address: '10.1.2.3/24' },
  { kind: 'address', link: 'net1', address: '10.3.0.3/24', noPrefixRoute: true },
  { kind: 'address', link: 'net1', address: 'fd00::3/64', scope: 'global' },
  { kind: 'address', link: 'net1', address: 'fe80::1/64', scope: 'link' },
  { kind: 'address', link: 'eth0', address: '10.7.0.3/24' },
  { ...route, dst: '10.1.2.0/24', scope: 'link' },
  { ...route, dst: 'fd00::/64', metric: 256 },
  { ...route, dst: 'fe80::/64', metric: 256 },
  { ...route, dst: '10.3.0.0/24', scope: 'link' },
  { ...route, dst: '10.9.0.0/16', gateway: '10.1.2.1' },
  { ...route, dst: '10.4.0.0/16', table: 100 },
  { ...route, dst: '10.7.0.0/24', link: 'eth0' },
]

const plan = (config: object, more: readonly Entry[] = [], change: Partial<VrfSpec> = {}) =>
  planVrf({
    network: 'n',
    containerId: 'c1',
    ifName: 'net1',
    prevResult,
    present: [...present, ...more],
    config: parseVrfConfig(config),
    ...change,
  })
const text = (entries: readonly Entry[]) => entries.map(formatEntry)

test('the interface joins, and what the kernel drops of it comes back', () => {
  const { pod, host, shared, podOnDelete, result } = plan({ vrfname: 'red' })
  assert.deepEqual(text(pod), [
    formatEntry(pod[0] ?? assert.fail()),
    'ip link set net1 master red',
    'ip address replace 10.1.2.3/24 dev net1',
    'ip address replace 10.3.0.3/24 dev net1 noprefixroute',
    'ip -6 address replace fd00::3/64 dev net1 scope global',
    'ip route replace 10.3.0.0/24 dev net1 table 1 scope link proto 113',
    'ip route replace 10.9.0.0/16 via 10.1.2.1 dev net1 table 1 proto 113',
  ])
  assert.deepEqual(pod[0], {
    kind: 'link',
    type: 'vrf',
    claim: 'own',
    name: 'red',
    owner: 'vrf red',
    table: 1,
    up: true,
  })
  assert.deepEqual([...host, ...shared], [])
  assert.equal(result, prevResult)
  assert.deepEqual(podOnDelete, {
    remove: [],
    restore: [],
    removeWithLast: [{ link: pod[0], member: 'net1' }],
  })
})

const tables: readonly [what: string, config: object, more: readonly Entry[], table: number][] = [
  ['given', { vrfname: 'red', table: 77 }, [], 77],
  [
    'free of other VRFs, rules and routes',
    { vrfname: 'red' },
    [vrf('blue', 1), { ...route, dst: '10.0.0.0/8', table: 2 }],
    3,
  ],
  ['of the VRF that is there', { vrfname: 'red' }, [vrf('red', 9)], 9],
  ['the same as that of the VRF that is there', { vrfname: 'red', table: 9 }, [vrf('red', 9)], 9],
]

for (const [what, config, more, table] of tables) {
  test(`table: ${what}`, () => {
    const [link] = plan(config, more).pod
    assert.ok(link?.kind === 'link' && link.type === 'vrf')
    assert.equal(link.table, table)
  })
}

test('a second attachment of the pod wants the same VRF', () => {
  const [first] = plan({ vrfname: 'red' }).pod
  const [second] = plan({ vrfname: 'red' }, [vrf('red', 1)], { ifName: 'net2', containerId: 'c1' }).pod
  assert.deepEqual(second, first)
})

test('the VRF goes with its last member', () => {
  const { podOnDelete, pod } = plan({ vrfname: 'red' })
  assert.ok(podOnDelete !== undefined)
  const own: LinkEntry = { ...net1, master: 'red' }
  const other: LinkEntry = { ...device, name: 'net2', master: 'red' }
  assert.deepEqual(removedOnDelete(podOnDelete, [own, { ...other, master: 'blue' }]), [pod[0]])
  assert.deepEqual(removedOnDelete(podOnDelete, [own, other]), [])
})

const refused: readonly [what: string, config: object, more: readonly Entry[], message: RegExp][] = [
  ['another table', { vrfname: 'red', table: 5 }, [vrf('red', 9)], /VRF red is there with table 9, not 5/],
  ['no VRF', { vrfname: 'eth0' }, [{ ...device, name: 'eth0' }], /interface eth0, and it is no VRF/],
  ['no name', {}, [], /vrf .*vrfname: missing/],
  ['an empty name', { vrfname: '' }, [], /vrfname: not the name of an interface/],
]

for (const [what, config, more, message] of refused) {
  test(`refused: ${what}`, () =>
    assert.throws(() => plan(config, more), { code: 'attach.invalid-configuration', message }))
}

test('refused: an interface that is in something else', () => {
  const taken = { present: [{ ...net1, master: 'br0' }] }
  assert.throws(() => plan({ vrfname: 'red' }, [], taken), {
    code: 'attach.invalid-configuration',
    message: /net1 is in br0 already/,
  })
  const { pod } = plan({ vrfname: 'br0' }, [], { present: [{ ...net1, master: 'br0' }, vrf('br0', 4)] })
  assert.equal(pod.length, 2)
})
