import fc from 'fast-check'
import type {
  AddressEntry,
  Entry,
  FdbEntry,
  LinkEntry,
  NeighbourEntry,
  NftElementEntry,
  NftTableEntry,
  QdiscEntry,
  RedirectEntry,
  RouteEntry,
  RuleEntry,
  SysctlEntry,
} from '../../src/kernel/index.ts'

/** Entries over few names and values, so that they get in each other's way. */

/** MAC addresses that somebody asks for; others are the kernel's choice. */
export const MACS = ['02:00:00:00:00:01', '02:00:00:00:00:02'] as const
/** The more often, the more happens there. */
const LINKS = ['br0', 'br0', 'br0', 'vx7', 'vx7', 'vh0', 'br1', 'mv0', 'if0', 'tn0', 'uplink'] as const

export const mac = fc.constantFrom(...MACS)
export const linkName = fc.constantFrom(...LINKS)
/** Rarer: one that nobody makes. */
export const anyName = fc.oneof({ weight: 12, arbitrary: linkName }, fc.constant('none0'))

/** Always this value. */
function always<const T>(value: T): fc.Arbitrary<T> {
  return fc.constant(value)
}

const common = {
  kind: always('link'),
  claim: always('own'),
  owner: fc.constantFrom('a', 'b'),
  up: fc.boolean(),
  mtu: fc.constantFrom(1350, 1400),
  promisc: fc.boolean(),
  allmulticast: fc.boolean(),
  txQueueLength: fc.constantFrom(100, 1000),
}
const master = fc.constantFrom('br0', 'br1')

export const bridge: fc.Arbitrary<LinkEntry> = fc.record(
  { ...common, type: always('bridge'), name: fc.constantFrom('br0', 'br1'), mac },
  { requiredKeys: ['kind', 'claim', 'owner', 'type', 'name'] },
)
/** These have a MAC given, as a bridge may take it over: which is the lowest must not be chance. */
export const vxlan: fc.Arbitrary<LinkEntry> = fc.record(
  {
    ...common,
    type: always('vxlan'),
    name: fc.constantFrom('vx7', 'vx7', 'vx8'),
    mac,
    vni: fc.constantFrom(7, 8),
    udpPort: always(8472),
    local: always('192.168.77.1'),
    device: fc.constantFrom('uplink', 'uplink', 'br1'),
    learning: always(false),
    gbp: always(false),
  },
  {
    requiredKeys: [
      ...(['kind', 'claim', 'owner', 'type', 'name', 'mac'] as const),
      ...(['vni', 'udpPort', 'local', 'device', 'learning', 'gbp'] as const),
    ],
  },
)
const veth: fc.Arbitrary<LinkEntry> = fc.record(
  {
    ...common,
    type: always('veth'),
    name: fc.constantFrom('vh0', 'vh1'),
    mac,
    peer: fc.record({ name: fc.constantFrom('eth0', 'eth1'), netns: always('pod'), mac }),
  },
  { requiredKeys: ['kind', 'claim', 'owner', 'type', 'name', 'mac', 'peer'] },
)
const port: fc.Arbitrary<LinkEntry> = fc
  .tuple(
    veth,
    fc.record(
      { master, bridgePort: fc.constantFrom({ hairpin: true }, { hairpin: false, isolated: true }) },
      { requiredKeys: ['master'] },
    ),
  )
  .map(([link, settings]) => ({ ...link, ...settings }))
export const macvlan: fc.Arbitrary<LinkEntry> = fc.record(
  {
    ...common,
    type: always('macvlan'),
    name: always('mv0'),
    mac,
    // Not a bridge: one that has the same MAC is refused when it goes up.
    device: always('uplink'),
    mode: always('bridge'),
    broadcastQueueLength: fc.constantFrom(500, 1000),
  },
  { requiredKeys: ['kind', 'claim', 'owner', 'type', 'name', 'mac', 'device', 'mode'] },
)
const ifb: fc.Arbitrary<LinkEntry> = fc.record(
  { ...common, type: always('ifb'), name: always('if0') },
  { requiredKeys: ['kind', 'claim', 'owner', 'type', 'name'] },
)
const tun: fc.Arbitrary<LinkEntry> = fc.record(
  { ...common, type: always('tun'), mode: always('tun'), name: always('tn0') },
  { requiredKeys: ['kind', 'claim', 'owner', 'type', 'mode', 'name'] },
)
const device: fc.Arbitrary<LinkEntry> = fc.record(
  { ...common, claim: always('use'), type: always('device'), name: linkName, master },
  { requiredKeys: ['kind', 'claim', 'owner', 'type', 'name'] },
)

export const link: fc.Arbitrary<LinkEntry> = fc.oneof(
  { weight: 4, arbitrary: bridge },
  { weight: 3, arbitrary: vxlan },
  { weight: 1, arbitrary: veth },
  { weight: 2, arbitrary: port },
  macvlan,
  ifb,
  tun,
  device,
)

export const address: fc.Arbitrary<AddressEntry> = fc.record(
  {
    kind: always('address'),
    link: anyName,
    address: fc.constantFrom(
      ...(['10.1.0.1/24', '10.1.0.2/24', '10.1.0.1/32', '10.5.0.1/32'] as const),
      ...(['fd00::1/64', 'fd00::2/64', 'fd00:5::1/128'] as const),
    ),
    scope: fc.constantFrom('global', 'link'),
    noPrefixRoute: fc.boolean(),
  },
  { requiredKeys: ['kind', 'link', 'address'] },
)

const table = fc.constantFrom(254, 254, 100)
/** Only a route with a gateway can be `onlink`. */
function routes(
  direct: fc.Arbitrary<RouteEntry>,
  gateways: readonly [string, string],
): fc.Arbitrary<RouteEntry> {
  const next = fc.record(
    { gateway: fc.constantFrom(...gateways), onlink: always(true) },
    { requiredKeys: ['gateway'] },
  )
  return fc.oneof(
    direct,
    fc.tuple(direct, next).map(([route, hop]) => ({ ...route, ...hop })),
  )
}
export const route4 = routes(
  fc.record(
    {
      kind: always('route'),
      dst: fc.constantFrom('10.1.0.0/24', '10.2.0.0/24', '10.2.0.1/32', '0.0.0.0/0'),
      table,
      metric: fc.constantFrom(0, 5),
      link: anyName,
      source: fc.constantFrom('10.1.0.1', '10.5.0.1'),
      scope: fc.constantFrom('link', 'universe'),
      mtu: always(1300),
    },
    { requiredKeys: ['kind', 'dst', 'table', 'metric', 'link'] },
  ),
  ['10.1.0.9', '10.2.0.9'],
)
export const route6 = routes(
  fc.record(
    {
      kind: always('route'),
      dst: fc.constantFrom('fd00::/64', 'fd00:2::/64', '::/0'),
      table,
      metric: fc.constantFrom(1024, 5),
      link: anyName,
      mtu: always(1300),
    },
    { requiredKeys: ['kind', 'dst', 'table', 'metric', 'link'] },
  ),
  ['fd00::9', 'fd00:2::9'],
)
const deadRoute: fc.Arbitrary<RouteEntry> = fc.record({
  kind: always('route'),
  dst: fc.constantFrom('10.2.0.0/24', '10.1.0.0/16'),
  table: fc.constantFrom(254, 100),
  metric: fc.constantFrom(0, 5),
  type: fc.constantFrom('blackhole', 'unreachable'),
})
export const rule: fc.Arbitrary<RuleEntry> = fc.record(
  {
    kind: always('rule'),
    family: fc.constantFrom(4, 6),
    priority: fc.constantFrom(1000, 1001),
    table: fc.constantFrom(100, 101),
    iif: always('br0'),
    fwmark: always({ value: 1, mask: 255 }),
  },
  { requiredKeys: ['kind', 'family', 'priority', 'table'] },
)
/** Not on the TUN device, where the kernel keeps one neighbour for all addresses. */
export const neighbour: fc.Arbitrary<NeighbourEntry> = fc.record({
  kind: always('neighbour'),
  link: anyName.filter(name => name !== 'tn0'),
  address: fc.constantFrom('10.1.0.9', 'fd00::9'),
  mac,
})
export const fdb: fc.Arbitrary<FdbEntry> = fc.record({
  kind: always('fdb'),
  link: fc.constantFrom('vx7', 'vx7', 'vx8', 'none0'),
  mac: fc.constantFrom(...MACS, '00:00:00:00:00:00'),
  dst: fc.constantFrom('192.0.2.1', '192.0.2.2'),
})

const tokenBucket = fc.record({
  type: always('tbf'),
  rateBps: fc.constantFrom(8, 1_000_000, 40_000_000_000),
  burstBytes: fc.constantFrom(1, 20_000, 4_000_000_000),
  limitBytes: always(100_000),
})
export const qdisc: fc.Arbitrary<QdiscEntry> = fc.record({
  kind: always('qdisc'),
  link: anyName,
  qdisc: tokenBucket,
})
export const otherQdisc: fc.Arbitrary<QdiscEntry> = fc.record({
  kind: always('qdisc'),
  link: anyName,
  qdisc: fc.constant({ type: 'other', name: 'pfifo' }),
})
const redirect: fc.Arbitrary<RedirectEntry> = fc.record({
  kind: always('redirect'),
  link: anyName,
  to: anyName,
})

const SYSCTL_PATHS = [
  'ipv4/conf/all/forwarding',
  'ipv6/conf/all/forwarding',
  'ipv4/conf/all/accept_redirects',
  'ipv4/conf/br0/forwarding',
  'ipv4/conf/br0/proxy_arp',
  'ipv4/conf/vh0/rp_filter',
  'ipv6/conf/br0/accept_ra',
  'ipv6/conf/vh0/accept_dad',
] as const
/** All that are written, to be read back. */
export const SYSCTLS: readonly SysctlEntry[] = SYSCTL_PATHS.map(path => ({ kind: 'sysctl', path, value: '' }))
const sysctl: fc.Arbitrary<SysctlEntry> = fc.record({
  kind: always('sysctl'),
  path: fc.constantFrom(...SYSCTL_PATHS),
  value: fc.constantFrom('0', '1'),
})

function tableOf(name: string, verdict: 'return' | 'accept'): NftTableEntry {
  return {
    kind: 'nft-table',
    family: 'ip',
    name,
    sets: [
      { name: 'pods', type: 'set', interval: true, key: ['ipv4_addr'] },
      { name: 'marks', type: 'map', interval: false, key: ['ipv4_addr'], value: ['mark'] },
    ],
    chains: [{ name: 'c', rules: [{ comment: 'r', match: [], verdict: { do: verdict } }] }],
  }
}
/** All that are made. */
export const TABLES: readonly NftTableEntry[] = ['one', 'two'].flatMap(name => [
  tableOf(name, 'return'),
  tableOf(name, 'accept'),
])
export const nftTable = fc.constantFrom(...TABLES)
const place = { kind: always('nft-element'), family: always('ip'), table: fc.constantFrom('one', 'two') }
const element: fc.Arbitrary<NftElementEntry> = fc.oneof(
  fc.record({ ...place, set: always('pods'), key: fc.constantFrom(['10.1.0.0/16'], ['10.2.0.0/16']) }),
  fc.record({
    ...place,
    set: always('marks'),
    key: fc.constant(['10.0.0.1']),
    value: fc.constantFrom(['0x1'], ['0x2']),
  }),
)

/** Anything that a program can add and delete but a link. */
export const object: fc.Arbitrary<Exclude<Entry, LinkEntry | SysctlEntry>> = fc.oneof(
  { weight: 4, arbitrary: address },
  { weight: 4, arbitrary: route4 },
  { weight: 2, arbitrary: route6 },
  deadRoute,
  rule,
  { weight: 2, arbitrary: neighbour },
  { weight: 2, arbitrary: fdb },
  qdisc,
  redirect,
  nftTable,
  { weight: 2, arbitrary: element },
)
export const entry: fc.Arbitrary<Entry> = fc.oneof(
  { weight: 10, arbitrary: link },
  { weight: 20, arbitrary: object },
  sysctl,
)
