import fc from 'fast-check'
import type { Entry, ForeignAct, Operation } from '../../src/kernel/index.ts'
import {
  address,
  anyName,
  bridge,
  entry,
  fdb,
  link,
  linkName,
  mac,
  macvlan,
  neighbour,
  nftTable,
  object,
  otherQdisc,
  qdisc,
  route4,
  route6,
  rule,
  TABLES,
  vxlan,
} from './fake-kernel-entries.ts'

/**
 * What happens to a namespace: we carry out one operation, whatever sense it makes; we carry out the plan for a desired
 * state; or another program acts. `stale`: with what was seen before the last command.
 */
export type Command =
  | { readonly do: 'apply'; readonly op: Operation['op']; readonly entry: Entry; readonly stale: boolean }
  | { readonly do: 'plan'; readonly desired: readonly Entry[]; readonly stale: boolean }
  | { readonly do: 'foreign'; readonly act: ForeignAct }

/** Operations that a plan can hold: the rest changes by deletion and creation. */
function opsOf(entry: Entry): Operation['op'][] {
  switch (entry.kind) {
    case 'link':
      return entry.type === 'device' ? ['change'] : ['create', 'create', 'change', 'delete', 'adopt']
    case 'route':
    case 'neighbour':
    case 'qdisc':
    case 'redirect':
      return ['create', 'create', 'change', 'delete']
    case 'sysctl':
      return ['create', 'change']
    default:
      return ['create', 'create', 'delete']
  }
}

const apply = entry.chain(
  (entry): fc.Arbitrary<Command> =>
    fc.record({
      do: fc.constant('apply'),
      op: fc.constantFrom(...opsOf(entry)),
      entry: fc.constant(entry),
      stale: fc.boolean(),
    }),
)
const plan: fc.Arbitrary<Command> = fc.record({
  do: fc.constant('plan'),
  desired: fc.array(entry, { minLength: 1, maxLength: 8 }),
  stale: fc.boolean(),
})

const foreignEntry: fc.Arbitrary<Entry> = fc.oneof(
  fc.oneof(bridge, vxlan, macvlan),
  address,
  route4,
  route6,
  rule,
  neighbour,
  fdb,
  qdisc,
  otherQdisc,
  nftTable.map(table => ({ ...table, sets: [], chains: [] })),
)
const REPLACEABLE: ReadonlySet<string> = new Set(['route', 'neighbour', 'fdb', 'qdisc'])
const act: fc.Arbitrary<ForeignAct> = fc.oneof(
  fc
    .record({ act: fc.constant('add' as const), entry: foreignEntry, over: fc.boolean() })
    .map(({ act, entry, over }) => ({ act, entry, over: over && REPLACEABLE.has(entry.kind) })),
  fc.record({ act: fc.constant('remove'), entry: fc.oneof(link, object) }),
  {
    weight: 2,
    arbitrary: fc.record({
      act: fc.constant('set-link'),
      name: anyName,
      changes: fc.record(
        { up: fc.boolean(), mtu: fc.constantFrom(1340, 1350), mac, master: fc.constantFrom('', 'br0') },
        { requiredKeys: [] },
      ),
    }),
  },
  // What is made of the device or the TUN by other names is no bridge.
  fc.record({
    act: fc.constant('rename'),
    name: anyName.filter(name => name !== 'tn0' && name !== 'uplink'),
    to: fc.constantFrom('other0', 'br0'),
  }),
  fc.record({ act: fc.constant('recreate'), name: fc.constantFrom('br0', 'vx7', 'mv0') }),
  fc.record({ act: fc.constant('flush-routes'), link: linkName }, { requiredKeys: ['act'] }),
  fc.record({ act: fc.constantFrom('flush-addresses', 'flush-neighbours'), link: linkName }),
  fc.record({
    act: fc.constant('edit-table'),
    family: fc.constant('ip'),
    table: fc.constantFrom('one', 'two'),
  }),
)
const foreign: fc.Arbitrary<Command> = fc.record({ do: fc.constant('foreign'), act })

/** What most lists begin with, so that something can happen to it. */
const FURNITURE: readonly Entry[] = [
  { kind: 'link', type: 'bridge', name: 'br0', claim: 'own', owner: 'a', up: true },
  {
    kind: 'link',
    type: 'veth',
    name: 'vh0',
    claim: 'own',
    owner: 'a',
    mac: '02:00:00:00:00:02',
    up: true,
    master: 'br0',
    bridgePort: { hairpin: true },
    peer: { name: 'eth0', netns: 'pod' },
  },
  {
    kind: 'link',
    type: 'vxlan',
    name: 'vx7',
    claim: 'own',
    owner: 'a',
    mac: '02:00:00:00:00:01',
    up: true,
    vni: 7,
    udpPort: 8472,
    local: '192.168.77.1',
    device: 'uplink',
    learning: false,
    gbp: false,
  },
  { kind: 'address', link: 'br0', address: '10.1.0.1/24' },
  { kind: 'address', link: 'br0', address: 'fd00::1/64' },
  {
    kind: 'route',
    dst: '10.2.0.0/24',
    table: 254,
    metric: 0,
    link: 'vx7',
    gateway: '10.2.0.9',
    onlink: true,
  },
  { kind: 'route', dst: '0.0.0.0/0', table: 254, metric: 5, link: 'br0', gateway: '10.1.0.9' },
  { kind: 'route', dst: 'fd00:2::/64', table: 254, metric: 1024, link: 'br0', gateway: 'fd00::9' },
  { kind: 'neighbour', link: 'vx7', address: '10.1.0.9', mac: '02:00:00:00:00:01' },
  { kind: 'fdb', link: 'vx7', mac: '02:00:00:00:00:01', dst: '192.0.2.1' },
  {
    kind: 'qdisc',
    link: 'vh0',
    qdisc: { type: 'tbf', rateBps: 1_000_000, burstBytes: 20_000, limitBytes: 100_000 },
  },
  { kind: 'redirect', link: 'vh0', to: 'vx7' },
  ...TABLES.slice(0, 1),
  { kind: 'nft-element', family: 'ip', table: 'one', set: 'pods', key: ['10.1.0.0/16'] },
]
const furniture = fc
  .subarray([...FURNITURE], { minLength: FURNITURE.length - 4 })
  .map((desired): Command => ({ do: 'plan', desired, stale: false }))

const anything = fc.oneof(
  { weight: 5, arbitrary: apply },
  { weight: 1, arbitrary: plan },
  { weight: 5, arbitrary: foreign },
)

export const commands: fc.Arbitrary<readonly Command[]> = fc
  .tuple(fc.option(furniture, { freq: 5 }), fc.array(anything, { minLength: 1, maxLength: 14 }))
  .map(([first, rest]) => (first === null ? rest : [first, ...rest]))
