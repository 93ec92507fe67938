import type { Entry, LinkEntry, NftTableEntry, RouteEntry } from '../entry.ts'

export const OWNER = 'suite'
export const PEER_MAC = '02:00:00:00:02:00'

export const uplink: LinkEntry = { kind: 'link', type: 'device', name: 'uplink', claim: 'use', owner: OWNER }
export const bridge: LinkEntry = {
  kind: 'link',
  type: 'bridge',
  name: 'br0',
  claim: 'own',
  owner: OWNER,
  up: true,
}
export const vxlan = {
  kind: 'link',
  type: 'vxlan',
  name: 'vx7',
  claim: 'own',
  owner: OWNER,
  vni: 7,
  udpPort: 8472,
  local: '192.168.77.1',
  device: 'uplink',
  learning: false,
  gbp: false,
  mac: '02:00:00:00:01:00',
  mtu: 1400,
  up: true,
} as const satisfies LinkEntry
export const veth: LinkEntry = {
  kind: 'link',
  type: 'veth',
  name: 'vh0',
  claim: 'own',
  owner: 'pod default/web-1 eth0',
  master: 'br0',
  bridgePort: { hairpin: true, isolated: true },
  peer: { name: 'eth0', netns: 'pod', mac: '02:00:00:00:01:02', mtu: 1400 },
  mtu: 1400,
  up: true,
}
const macvlan: LinkEntry = {
  kind: 'link',
  type: 'macvlan',
  name: 'mv0',
  claim: 'own',
  owner: OWNER,
  device: 'uplink',
  mode: 'bridge',
}
export const ifb: LinkEntry = {
  kind: 'link',
  type: 'ifb',
  name: 'ifb7',
  claim: 'own',
  owner: veth.owner,
  mac: '02:00:00:00:01:03',
  up: true,
}
export const tokenBucket = {
  kind: 'qdisc',
  link: ifb.name,
  qdisc: { type: 'tbf', rateBps: 1_000_000, burstBytes: 20_000, limitBytes: 23_125 },
} as const satisfies Entry
export const selective = {
  kind: 'qdisc',
  link: veth.name,
  qdisc: {
    type: 'htb',
    rateBps: 1_000_000,
    burstBytes: 20_000,
    limitBytes: 23_125,
    by: 'source',
    shaped: 'listed',
    prefixes: ['0.0.0.0/0', '10.0.0.0/9', 'fd00:1::/68', 'fd00::1/128'],
  },
} as const satisfies Entry
export const redirect: Entry = { kind: 'redirect', link: veth.name, to: ifb.name }
export const table: NftTableEntry = {
  kind: 'nft-table',
  family: 'ip',
  name: 'podlace-suite',
  sets: [
    { name: 'pods', type: 'set', interval: true, key: ['ipv4_addr'] },
    { name: 'marks', type: 'map', interval: false, key: ['ipv4_addr'], value: ['mark'] },
  ],
  chains: [
    {
      name: 'postrouting',
      hook: { type: 'nat', hook: 'postrouting', priority: 100, policy: 'accept' },
      rules: [
        {
          comment: 'pods among themselves',
          match: [
            { on: 'source', set: 'pods' },
            { on: 'destination', set: 'pods' },
          ],
          verdict: { do: 'return' },
        },
        { comment: 'pods outwards', match: [{ on: 'source', set: 'pods' }], verdict: { do: 'masquerade' } },
      ],
    },
    { name: 'later', rules: [] },
  ],
}
export const defaultRoute: RouteEntry = {
  kind: 'route',
  dst: '10.9.0.0/24',
  table: 254,
  metric: 0,
  link: 'br0',
  gateway: '10.244.1.5',
}
export const peerRoute: RouteEntry = {
  kind: 'route',
  dst: '10.244.2.0/24',
  table: 254,
  metric: 0,
  link: 'vx7',
  gateway: '10.244.2.0',
  onlink: true,
}
const peerNeighbour: Entry = { kind: 'neighbour', link: 'vx7', address: '10.244.2.0', mac: PEER_MAC }
export const peerFdb: Entry = { kind: 'fdb', link: 'vx7', mac: PEER_MAC, dst: '192.168.77.2' }
export const overlay: readonly Entry[] = [
  uplink,
  vxlan,
  { kind: 'address', link: 'vx7', address: '10.244.1.0/32' },
  peerRoute,
  peerNeighbour,
  peerFdb,
]
/** One of every kind; the order is not the one in which they can be made. */
export const everything: readonly Entry[] = [
  { kind: 'nft-element', family: 'ip', table: table.name, set: 'pods', key: ['10.244.0.0/16'] },
  { kind: 'nft-element', family: 'ip', table: table.name, set: 'marks', key: ['10.0.0.1'], value: ['0x1'] },
  table,
  { kind: 'rule', family: 4, priority: 1000, src: '10.244.0.0/16', table: 100 },
  { kind: 'route', dst: '10.244.0.0/16', table: 100, metric: 0, type: 'blackhole' },
  defaultRoute,
  { kind: 'route', dst: 'fd00:2::/64', table: 254, metric: 1024, link: 'br0', gateway: 'fd00:1::2' },
  { kind: 'address', link: 'br0', address: '10.244.1.1/24' },
  { kind: 'address', link: 'br0', address: 'fd00:1::1/64' },
  { kind: 'sysctl', path: 'ipv4/conf/br0/proxy_arp', value: '1' },
  redirect,
  tokenBucket,
  selective,
  veth,
  ifb,
  macvlan,
  ...overlay,
  bridge,
]
