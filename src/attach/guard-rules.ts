import type { Family } from '../ip/index.ts'
import type { NftChain, NftMatch, NftRule, NftSet, NftVerdict } from '../kernel/index.ts'
import { HOST_INTERFACES } from './names.ts'

/**
 * What a pod may not send, one rule a cause; all of it goes by elements that say what is whose. The chains are reached
 * by `goto`, so that what passes to the end of one is accepted.
 */

const ETHERTYPE = { ip: 0x0800, arp: 0x0806, vlan: 0x8100, ip6: 0x86dd, serviceVlan: 0x88a8 } as const
const PROTOCOL = { icmp: 1, udp: 17, icmpv6: 58 } as const
const ICMP = { redirect: 5, routerAdvertisement: 9 } as const
/** RFC 4861; RFC 2710 and RFC 3810 for the listeners. */
const ICMPV6 = {
  listenerReport: 131,
  routerAdvertisement: 134,
  neighbourSolicitation: 135,
  neighbourAdvertisement: 136,
  redirect: 137,
  listenerReport2: 143,
} as const
const SERVER_PORT = { dhcp: 67, dhcpv6: 547 } as const

/**
 * Groups that no bridge forwards (IEEE 802.1Q, table 8-1). Linux hands their frames to the host without the hook
 * `prerouting`; most pass `input`, those of LLDP no hook at all.
 */
const CONTROL_GROUP = { mac: '01:80:c2:00:00:00', mask: 'ff:ff:ff:ff:ff:f0' } as const

/** Which chain a port's frames go to, and what is whose. */
export const guardSets = {
  ports: { name: 'ports', type: 'map', interval: false, key: ['ifname'], value: 'verdict' },
  macs: { name: 'macs', type: 'set', interval: false, key: ['ifname', 'ether_addr'] },
  ipv4: { name: 'ipv4', type: 'set', interval: false, key: ['ifname', 'ipv4_addr'] },
  ipv6: { name: 'ipv6', type: 'set', interval: false, key: ['ifname', 'ipv6_addr'] },
  /** UDP ports at which the nodes take overlay packets. */
  tunnels: { name: 'tunnels', type: 'set', interval: false, key: ['inet_service'] },
} as const satisfies Readonly<Record<string, NftSet>>

const foreignMac = drop('MAC of another', { on: ['in-link', 'ether-source'], set: 'macs', not: true })
const isControl: NftMatch = { on: 'ether-destination', ...CONTROL_GROUP }
const perPort: NftRule = pass({ do: 'map', on: 'in-link', map: 'ports' })

/** Packets that have gone round a bridge to the host's IP layer. There is no honest one, whoever the pod is. */
export const pastBridge = drop('packet past a bridge', { on: 'in-link', name: HOST_INTERFACES }, isControl)

/** Where each frame of a guarded port is sent to its chain; all others meet `more`. */
export function portChain(
  hook: 'prerouting' | 'input',
  priority: number,
  ...more: readonly NftRule[]
): NftChain {
  return {
    name: hook,
    hook: { type: 'filter', hook, priority, policy: 'accept' },
    rules: [perPort, ...more],
  }
}

/** Frames to the control groups, as far as a bridge has a hook for them. */
export function controlChain(priority: number): NftChain {
  return { ...portChain('input', priority), rules: [{ ...perPort, match: [isControl] }] }
}

/** A pod with addresses, as a bridge sees it: IPv4, IPv6 and ARP of its own, and nothing else. */
export const bridgedPod: NftChain = {
  name: 'pod',
  rules: [
    foreignMac,
    ...byEtherType(),
    pass({ do: 'goto', chain: 'arp' }, isEtherType('arp')),
    drop('VLAN tag', isEtherType('vlan')),
    drop('VLAN tag of a provider', isEtherType('serviceVlan')),
    drop('neither IP nor ARP'),
  ],
}

/** The same as the IP layer sees it. */
export const routedPod: NftChain = { name: 'pod', rules: [foreignMac, ...byEtherType()] }

/** A pod that may send VLAN tags: inside them only the MAC is known. */
export const trunk: NftChain = {
  name: 'trunk',
  rules: [pass({ do: 'goto', chain: 'layer2' }, isEtherType('vlan')), pass({ do: 'goto', chain: 'pod' })],
}

/** A pod without addresses. */
export const layer2: NftChain = {
  name: 'layer2',
  rules: [foreignMac, drop('frame for bridges', isControl)],
}

export const arp: NftChain = {
  name: 'arp',
  rules: [
    drop('ARP of another MAC', { on: ['in-link', 'arp-sender-mac'], set: 'macs', not: true }),
    // A probe (RFC 5227): nobody learns of it, and a pod may ask so for its own address only.
    pass({ do: 'accept' }, { on: 'arp-sender', number: 0 }, { on: ['in-link', 'arp-target'], set: 'ipv4' }),
    drop('ARP of another address', { on: ['in-link', 'arp-sender'], set: 'ipv4', not: true }),
  ],
}

/** IPv4, with the chains it goes on to. */
export const ipv4: readonly NftChain[] = [
  {
    name: 'ipv4',
    rules: [
      foreignAddress(4),
      drop('IPv4 loose source route', { on: 'ip-option', option: 'lsrr' }),
      drop('IPv4 strict source route', { on: 'ip-option', option: 'ssrr' }),
      drop('IPv4 record route', { on: 'ip-option', option: 'rr' }),
      pass({ do: 'goto', chain: 'icmp' }, isProtocol('icmp')),
      pass({ do: 'goto', chain: 'udp' }, isProtocol('udp')),
    ],
  },
  {
    name: 'icmp',
    rules: [
      drop('ICMP redirect', { on: 'icmp-type', number: ICMP.redirect }),
      drop('ICMP router advertisement', { on: 'icmp-type', number: ICMP.routerAdvertisement }),
    ],
  },
  udp('udp', 'DHCP server', SERVER_PORT.dhcp),
]

/** IPv6, with the chains it goes on to. */
export const ipv6: readonly NftChain[] = [
  {
    name: 'ipv6',
    rules: [
      pass({ do: 'goto', chain: 'unspecified' }, { on: 'source', prefix: '::/128' }),
      foreignAddress(6),
      pass({ do: 'goto', chain: 'icmpv6' }, isProtocol('icmpv6')),
      pass({ do: 'goto', chain: 'udp6' }, isProtocol('udp')),
    ],
  },
  {
    // Before it has an address a pod may ask whether one of its own is taken, and join groups.
    name: 'unspecified',
    rules: [
      pass(
        { do: 'accept' },
        isProtocol('icmpv6'),
        { on: 'icmpv6-type', number: ICMPV6.neighbourSolicitation },
        { on: ['in-link', 'nd-target'], set: 'ipv6' },
      ),
      ...[ICMPV6.listenerReport, ICMPV6.listenerReport2].map(number =>
        pass({ do: 'accept' }, isProtocol('icmpv6'), { on: 'icmpv6-type', number }),
      ),
      drop('IPv6 without a source'),
    ],
  },
  {
    name: 'icmpv6',
    rules: [
      drop('router advertisement', { on: 'icmpv6-type', number: ICMPV6.routerAdvertisement }),
      drop('ICMPv6 redirect', { on: 'icmpv6-type', number: ICMPV6.redirect }),
      drop(
        'neighbour advertisement of another address',
        { on: 'icmpv6-type', number: ICMPV6.neighbourAdvertisement },
        { on: ['in-link', 'nd-target'], set: 'ipv6', not: true },
      ),
    ],
  },
  udp('udp6', 'DHCPv6 server', SERVER_PORT.dhcpv6),
]

/**
 * A node takes overlay packets at whatever address of its own, and others take those of its nodes: a pod has no
 * business with that port, wherever it sends.
 */
function udp(name: string, server: string, port: number): NftChain {
  return {
    name,
    rules: [
      drop(server, { on: 'source-port', number: port }),
      drop('overlay packet', { on: 'destination-port', set: 'tunnels' }),
    ],
  }
}

function byEtherType(): readonly NftRule[] {
  return [
    pass({ do: 'goto', chain: 'ipv4' }, isEtherType('ip')),
    pass({ do: 'goto', chain: 'ipv6' }, isEtherType('ip6')),
  ]
}

function foreignAddress(family: Family): NftRule {
  return drop(`IPv${family} address of another`, {
    on: ['in-link', 'source'],
    set: family === 4 ? 'ipv4' : 'ipv6',
    not: true,
  })
}

function isEtherType(type: keyof typeof ETHERTYPE): NftMatch {
  return { on: 'ether-type', number: ETHERTYPE[type] }
}

function isProtocol(protocol: keyof typeof PROTOCOL): NftMatch {
  return { on: 'protocol', number: PROTOCOL[protocol] }
}

/** The comment is what counters and traces are told apart by. */
function drop(cause: string, ...match: readonly NftMatch[]): NftRule {
  return { comment: `guard: ${cause}`, match, counter: true, verdict: { do: 'drop' } }
}

function pass(verdict: NftVerdict, ...match: readonly NftMatch[]): NftRule {
  return { comment: 'guard', match, verdict }
}
