/** Links as entries: a type for each kind of link, and what is common to all. */

interface LinkCommon {
  readonly kind: 'link'
  /** At most 15 bytes (IFNAMSIZ - 1). */
  readonly name: string
  /**
   * `own`: made by us (or adopted if an unmarked link of this name has the same defining attributes), carries the
   * alias `podlace:<owner>`, deleted when no longer desired. `use`: belongs to somebody else and must exist; only
   * the fields given here are set, and it is never deleted.
   */
  readonly claim: 'own' | 'use'
  /** For the alias and for messages: `overlay`, `pod default/web-1 eth0`. At most 200 bytes. */
  readonly owner: string
  readonly up?: boolean
  /** Bytes. */
  readonly mtu?: number
  readonly mac?: string
  /** Takes all frames (IFF_PROMISC), as far as `ip link` asked for it: a bridge asks the same of its ports unseen. */
  readonly promisc?: boolean
  /** Takes all multicast frames (IFF_ALLMULTI). */
  readonly allmulticast?: boolean
  /** Packets (IFLA_TXQLEN). */
  readonly txQueueLength?: number
  /**
   * The kernel gives it no link-local address (IFLA_INET6_ADDR_GEN_MODE). Said when the link is made, where it has IPv6:
   * not with an MTU below 1280. Not looked at later.
   */
  readonly addrGenMode?: 'none'
  /** Name of the bridge or VRF this link is in. */
  readonly master?: string
  /** IFLA_BRPORT_*: only for a link whose master is a bridge. */
  readonly bridgePort?: {
    readonly hairpin?: boolean
    readonly isolated?: boolean
    readonly learning?: boolean
    /** The VLANs of the port. Of a link of ours these are all; on one that is used, others stay as they are. */
    readonly vlans?: readonly BridgeVlan[]
  }
}

/** One VLAN on a port of a bridge that filters VLANs, or on the bridge itself (IFLA_BRIDGE_VLAN_INFO). */
export interface BridgeVlan {
  /** 1 to 4094. */
  readonly id: number
  /** Frames that come in without a tag belong to this VLAN; one of a port at most. */
  readonly pvid?: boolean
  /** Frames of this VLAN leave without a tag. */
  readonly untagged?: boolean
}

/**
 * Any link that exists already, whatever its type (`claim` is `use`): `lo`, `eth0`, the pod's end of a veth.
 *
 * With `movedFrom` it is a device of another namespace that is fetched if it is not here (`claim` is `own`), and
 * deleting it gives it back. What it was is remembered in its alias, which a crash does not take away.
 */
export interface DeviceLink extends LinkCommon {
  readonly type: 'device'
  readonly movedFrom?: MovedFrom
}

export interface MovedFrom {
  /** A name in `ApplyContext.namespaces`. Empty where it was observed: the device does not say. */
  readonly netns: string
  /** What it is called there. */
  readonly name: string
  /** Only where it was observed: the alias that it had there. */
  readonly alias?: string
}

export interface BridgeLink extends LinkCommon {
  readonly type: 'bridge'
  readonly vlanFiltering?: boolean
  /** The VLAN that a new port is in, 0 for none (IFLA_BR_VLAN_DEFAULT_PVID; the kernel's default is 1). */
  readonly vlanDefaultPvid?: number
  /** The VLANs that the bridge itself takes part in; all of them if it is ours. */
  readonly vlans?: readonly BridgeVlan[]
}

/** The host's end; creating it creates the peer in namespace `peer.netns` of the apply context. */
export interface VethLink extends LinkCommon {
  readonly type: 'veth'
  readonly peer: {
    readonly name: string
    /** A name in `ApplyContext.namespaces`, such as `pod`. */
    readonly netns: string
    readonly mac?: string
    readonly mtu?: number
  }
}

/** Defining attributes (a change means delete and recreate): vni, udpPort, local, device, learning, gbp. */
export interface VxlanLink extends LinkCommon {
  readonly type: 'vxlan'
  /** 0 to 2^24 - 1 (IFLA_VXLAN_ID). */
  readonly vni: number
  /** UDP destination port, host order. */
  readonly udpPort: number
  /** The underlay address packets are sent from (IFLA_VXLAN_LOCAL or LOCAL6). */
  readonly local: string
  /** The underlay device (IFLA_VXLAN_LINK), by name. */
  readonly device: string
  readonly learning: boolean
  readonly gbp: boolean
}

/** A link on another device; it goes when that goes. */
interface StackedCommon extends LinkCommon {
  /** Name of the device. */
  readonly device: string
  /**
   * Where the device is, if not in this namespace: a name in `ApplyContext.namespaces`. Empty where it was observed
   * and not said which namespaces there are.
   */
  readonly deviceNetns?: string
}

/** Defining attributes: device, mode. */
export interface MacvlanLink extends StackedCommon {
  readonly type: 'macvlan'
  readonly mode: 'private' | 'vepa' | 'bridge' | 'passthru'
  /** Broadcast frames that may wait (IFLA_MACVLAN_BC_QUEUE_LEN): asked of the device, which has the largest asked. */
  readonly broadcastQueueLength?: number
}

/** Defining attributes: all. */
export interface IpvlanLink extends StackedCommon {
  readonly type: 'ipvlan'
  readonly mode: 'l2' | 'l3' | 'l3s'
  /** The kernel's default is `bridge`. */
  readonly flag?: 'bridge' | 'private' | 'vepa'
}

/** An 802.1Q interface. Defining attributes: all. */
export interface VlanLink extends StackedCommon {
  readonly type: 'vlan'
  /** 0 to 4094; 0 is priority-tagged. */
  readonly id: number
}

export interface DummyLink extends LinkCommon {
  readonly type: 'dummy'
}

/** Defining attribute: table. */
export interface VrfLink extends LinkCommon {
  readonly type: 'vrf'
  /** Routing table of its members. */
  readonly table: number
}

/** An intermediate functional block: where received packets are queued. */
export interface IfbLink extends LinkCommon {
  readonly type: 'ifb'
}

/** An encrypting tunnel; a `WireguardEntry` and its peers say what it is set up with. */
export interface WireguardLink extends LinkCommon {
  readonly type: 'wireguard'
}

/** A persistent TUN or TAP device, without packet information. Defining attributes: all. */
export interface TunLink extends LinkCommon {
  readonly type: 'tun'
  /** Layer 3 or layer 2. */
  readonly mode: 'tun' | 'tap'
  readonly multiQueue?: boolean
  /** Who may open it without CAP_NET_ADMIN. */
  readonly ownerUid?: number
  readonly groupGid?: number
  /**
   * The namespace it is made in, under a name of the kernel's choice, to be moved here: a name in
   * `ApplyContext.namespaces`. A process makes such devices only in its own namespace.
   */
  readonly madeIn?: string
}

/** A tunnel of IPv4 in IPv4 (RFC 2003) to whatever gateway a route names. Defining attributes: all. */
export interface IpipLink extends LinkCommon {
  readonly type: 'ipip'
  /** The underlay address packets are sent from. */
  readonly local: string
  /** Every outer packet says "don't fragment"; otherwise those do whose inner one does. */
  readonly pathMtuDiscovery: boolean
}

export type LinkEntry =
  | DeviceLink
  | BridgeLink
  | VethLink
  | VxlanLink
  | MacvlanLink
  | IpvlanLink
  | VlanLink
  | DummyLink
  | VrfLink
  | IfbLink
  | WireguardLink
  | TunLink
  | IpipLink
