import { arp, BROADCAST, ethernet, hopByHop, icmp, ipv4, ipv6, udp } from './frames.ts'

/** What a pod may send and what not, as frames of the pod with MAC, OWN4 and OWN6. */

export const OVERLAY_PORT = 8472
export const [MAC, OTHER_MAC] = ['02:00:00:00:00:02', '02:00:00:00:00:03'] as const
const [OWN4, OTHER4, GATEWAY4] = ['10.1.2.2', '10.1.2.3', '10.1.2.1'] as const
const [OWN6, OTHER6, GATEWAY6] = ['fd00:1::2', 'fd00:1::3', 'fd00:1::1'] as const
/** Of the pod, and of what Linux makes of OTHER_MAC. */
const [OWN_LINK, OTHER_LINK] = ['fe80::ff:fe00:2', 'fe80::ff:fe00:3'] as const
const ALL_NODES = 'ff02::1'
/** Groups that bridges do not forward: of port access control, and of LLDP. */
const [ACCESS_GROUP, LLDP_GROUP] = ['01:80:c2:00:00:03', '01:80:c2:00:00:0e'] as const

/** The cause is what the comment of the rule says that is to drop it. */
type Forged = readonly [what: string, frame: Uint8Array, cause: string]

const ETHER = { ip: 0x0800, arp: 0x0806, ip6: 0x86dd } as const
const own = { from: MAC, to: BROADCAST }
const v4 = (payload: Uint8Array) => ethernet(own, ETHER.ip, payload)
const v6 = (payload: Uint8Array) => ethernet(own, ETHER.ip6, payload)
const asks = (from: string, mac: string = MAC, to: string = GATEWAY4) =>
  ethernet(own, ETHER.arp, arp(1, { from, to, mac }))
const toHost4 = { from: OWN4, to: GATEWAY4 }
const toHost6 = { from: OWN6, to: GATEWAY6 }
const toAll = { from: OWN_LINK, to: ALL_NODES }
/** RFC 791: type, length, pointer, one address. */
const option = (type: number) => Uint8Array.of(type, 7, 4, 10, 1, 2, 3)

/** What is dropped wherever the host's end leads, and by which rule. */
export const forged: readonly Forged[] = [
  [
    'a frame from another MAC',
    ethernet({ from: OTHER_MAC, to: BROADCAST }, ETHER.ip, ipv4(toHost4, 17, udp(1, 2))),
    'MAC of another',
  ],
  [
    'an IPv4 packet of the neighbour',
    v4(ipv4({ from: OTHER4, to: GATEWAY4 }, 17, udp(1, 2))),
    'IPv4 address of another',
  ],
  [
    'an IPv4 packet of nobody',
    v4(ipv4({ from: '0.0.0.0', to: '255.255.255.255' }, 17, udp(68, 68))),
    'IPv4 address of another',
  ],
  [
    'a loose source route',
    v4(ipv4(toHost4, 17, udp(1, 2), { options: option(131) })),
    'IPv4 loose source route',
  ],
  [
    'a strict source route',
    v4(ipv4(toHost4, 17, udp(1, 2), { options: option(137) })),
    'IPv4 strict source route',
  ],
  ['a recorded route', v4(ipv4(toHost4, 17, udp(1, 2), { options: option(7) })), 'IPv4 record route'],
  ['a DHCP server', v4(ipv4({ from: OWN4, to: '255.255.255.255' }, 17, udp(67, 68))), 'DHCP server'],
  [
    'a DHCP server in fragments',
    v4(ipv4({ from: OWN4, to: '255.255.255.255' }, 17, udp(67, 68), { moreFragments: true })),
    'DHCP server',
  ],
  ['an ICMP redirect', v4(ipv4(toHost4, 1, icmp(5, OTHER6))), 'ICMP redirect'],
  [
    'an ICMP router advertisement',
    v4(ipv4({ from: OWN4, to: '224.0.0.1' }, 1, icmp(9))),
    'ICMP router advertisement',
  ],
  ['an overlay packet', v4(ipv4(toHost4, 17, udp(1, OVERLAY_PORT))), 'overlay packet'],
  [
    'an IPv6 packet of the neighbour',
    v6(ipv6({ from: OTHER6, to: GATEWAY6 }, 17, udp(1, 2))),
    'IPv6 address of another',
  ],
  [
    "an IPv6 packet of the neighbour's link",
    v6(ipv6({ from: OTHER_LINK, to: ALL_NODES }, 17, udp(1, 2))),
    'IPv6 address of another',
  ],
  [
    'an IPv6 packet of nobody',
    v6(ipv6({ from: '::', to: ALL_NODES }, 17, udp(1, 2))),
    'IPv6 without a source',
  ],
  ['a router advertisement', v6(ipv6(toAll, 58, icmp(134))), 'router advertisement'],
  [
    'a router advertisement behind another header',
    v6(ipv6(toAll, 0, hopByHop(58, icmp(134)))),
    'router advertisement',
  ],
  ['an ICMPv6 redirect', v6(ipv6(toAll, 58, icmp(137, OTHER6))), 'ICMPv6 redirect'],
  [
    'the gateway, advertised',
    v6(ipv6(toAll, 58, icmp(136, GATEWAY6))),
    'neighbour advertisement of another address',
  ],
  [
    'the neighbour detected as duplicate',
    v6(ipv6({ from: '::', to: ALL_NODES }, 58, icmp(135, OTHER6))),
    'IPv6 without a source',
  ],
  ['a DHCPv6 server', v6(ipv6(toAll, 17, udp(547, 546))), 'DHCPv6 server'],
  ['an overlay packet by IPv6', v6(ipv6(toHost6, 17, udp(1, OVERLAY_PORT))), 'overlay packet'],
  ['the gateway in ARP', asks(GATEWAY4), 'ARP of another address'],
  [
    'an answer for the neighbour',
    ethernet(own, ETHER.arp, arp(2, { from: OTHER4, to: GATEWAY4, mac: MAC })),
    'ARP of another address',
  ],
  ["the neighbour's MAC in ARP", asks(OWN4, OTHER_MAC), 'ARP of another MAC'],
  ["a probe for the neighbour's address", asks('0.0.0.0', MAC, OTHER4), 'ARP of another address'],
]

/** What only a bridge would take further. */
export const forgedOnBridges: readonly Forged[] = [
  ['a VLAN tag', ethernet(own, ETHER.ip, ipv4(toHost4, 17, udp(1, 2)), [[0x8100, 7]]), 'VLAN tag'],
  ['a priority tag', ethernet(own, ETHER.ip, ipv4(toHost4, 17, udp(1, 2)), [[0x8100, 0]]), 'VLAN tag'],
  [
    'two VLAN tags',
    ethernet(own, ETHER.ip, ipv4(toHost4, 17, udp(1, 2)), [
      [0x88a8, 7],
      [0x8100, 8],
    ]),
    'VLAN tag of a provider',
  ],
  ['RARP', ethernet(own, 0x8035, arp(3, { ...toHost4, mac: MAC })), 'neither IP nor ARP'],
  [
    'a spanning tree',
    ethernet({ from: MAC, to: '01:80:c2:00:00:00' }, 38, new Uint8Array(38)),
    'neither IP nor ARP',
  ],
  [
    'port access control',
    ethernet({ from: MAC, to: ACCESS_GROUP }, 0x888e, new Uint8Array(40)),
    'neither IP nor ARP',
  ],
  [
    'an IPv4 packet of the neighbour, past the rules for what comes in',
    ethernet({ from: MAC, to: ACCESS_GROUP }, ETHER.ip, ipv4({ from: OTHER4, to: GATEWAY4 }, 17, udp(1, 2))),
    'IPv4 address of another',
  ],
  [
    'an IPv4 packet of the neighbour, past all rules of the bridge',
    ethernet({ from: MAC, to: LLDP_GROUP }, ETHER.ip, ipv4({ from: OTHER4, to: GATEWAY4 }, 17, udp(1, 2))),
    'packet past a bridge',
  ],
  [
    'an IPv6 packet of the neighbour, past all rules of the bridge',
    ethernet({ from: MAC, to: LLDP_GROUP }, ETHER.ip6, ipv6({ from: OTHER6, to: GATEWAY6 }, 17, udp(1, 2))),
    'packet past a bridge',
  ],
  [
    'ARP of the neighbour, past all rules of the bridge',
    ethernet({ from: MAC, to: LLDP_GROUP }, ETHER.arp, arp(1, { from: OTHER4, to: GATEWAY4, mac: MAC })),
    'packet past a bridge',
  ],
]

/** What a pod may send. */
export const honest: readonly [what: string, frame: Uint8Array][] = [
  ['UDP', v4(ipv4({ from: OWN4, to: '255.255.255.255' }, 17, udp(1, 2)))],
  ['a DHCP client', v4(ipv4({ from: OWN4, to: '255.255.255.255' }, 17, udp(68, 67)))],
  [
    'joining a group, with the option that goes with it',
    v4(ipv4({ from: OWN4, to: '224.0.0.22' }, 2, icmp(0x22), { options: Uint8Array.of(148, 4, 0, 0) })),
  ],
  ['an echo request', v4(ipv4({ from: OWN4, to: '255.255.255.255' }, 1, icmp(8)))],
  ['a gratuitous ARP', asks(OWN4, MAC, OWN4)],
  ['a probe for its own address', asks('0.0.0.0', MAC, OWN4)],
  ['UDP by IPv6', v6(ipv6({ from: OWN6, to: ALL_NODES }, 17, udp(1, 2)))],
  ['its own address, advertised', v6(ipv6(toAll, 58, icmp(136, OWN6)))],
  [
    'its own address of the link, detected as duplicate',
    v6(ipv6({ from: '::', to: ALL_NODES }, 58, icmp(135, OWN_LINK))),
  ],
  ['a router solicitation', v6(ipv6(toAll, 58, icmp(133)))],
  [
    'a group joined before it has an address',
    v6(ipv6({ from: '::', to: 'ff02::16' }, 0, hopByHop(58, icmp(143)))),
  ],
]
