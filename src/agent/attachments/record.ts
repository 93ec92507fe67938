import * as v from 'valibot'
import {
  type Attachment,
  type AttachmentSpec,
  type BandwidthSpec,
  type BridgeSpec,
  type FirewallSpec,
  type ForeignSpec,
  type HostDeviceSpec,
  type IpvlanSpec,
  type LoopbackSpec,
  type MacvlanSpec,
  type PortmapSpec,
  type PtpSpec,
  planBandwidth,
  planBridge,
  planDummy,
  planFirewall,
  planForeign,
  planHostDevice,
  planIpvlan,
  planLoopback,
  planMacvlan,
  planPortmap,
  planPtp,
  planSbr,
  planTap,
  planTuning,
  planVlan,
  planVrf,
  type SbrSpec,
  type TapSpec,
  type TuningSpec,
  type VlanSpec,
  type VrfSpec,
} from '../../attach/index.ts'
import type { Allocated } from '../../ipam/index.ts'

/**
 * One attachment as the journal keeps it: what the planner was given, so that a newer agent plans it anew, and
 * where its addresses came from, so that DEL can give them back without the network's configuration.
 */
export interface AttachmentRecord {
  /** The plugin that made it: `podlace`, `bridge`, `portmap`. */
  readonly type: string
  /** It is of a plugin that works on the interface, which is an attachment of its own. */
  readonly isChained?: boolean
  /** Of a chained one: tells it from others of its type in the chain. Agents of before that wrote none. */
  readonly configuration?: string
  /** SO_NETNS_COOKIE of the pod's namespace, decimal: paths and inodes are used again, cookies are not. */
  readonly netnsCookie: string
  readonly wiring: Wiring
  /** `node`: the node's own pool. `host-local`: the store on disk. */
  readonly addresses?: { readonly source: 'node' } | HostLocalAddresses
}

export interface HostLocalAddresses {
  readonly source: 'host-local'
  readonly dataDir: string
}

/** What each planner is given, by the planner's name. */
interface Specs {
  readonly bridge: BridgeSpec
  readonly ptp: PtpSpec
  readonly macvlan: MacvlanSpec
  readonly ipvlan: IpvlanSpec
  readonly vlan: VlanSpec
  readonly dummy: AttachmentSpec
  readonly tap: TapSpec
  readonly 'host-device': HostDeviceSpec
  readonly loopback: LoopbackSpec
  readonly tuning: TuningSpec
  readonly sbr: SbrSpec
  readonly vrf: VrfSpec
  readonly bandwidth: BandwidthSpec
  readonly portmap: PortmapSpec
  readonly firewall: FirewallSpec
  readonly foreign: ForeignSpec
}

type PlanName = keyof Specs

export type Wiring<P extends PlanName = PlanName> = {
  [K in P]: { readonly plan: K; readonly spec: Specs[K] }
}[P]

const PLANNERS: { readonly [K in PlanName]: (spec: Specs[K], netns: string) => Attachment } = {
  bridge: planBridge,
  ptp: planPtp,
  macvlan: planMacvlan,
  ipvlan: planIpvlan,
  vlan: planVlan,
  dummy: planDummy,
  tap: planTap,
  'host-device': planHostDevice,
  loopback: planLoopback,
  tuning: planTuning,
  sbr: planSbr,
  vrf: planVrf,
  bandwidth: planBandwidth,
  portmap: planPortmap,
  firewall: planFirewall,
  foreign: planForeign,
}

/** An attachment with what its record comes to, planned once. */
export interface Attached {
  readonly record: AttachmentRecord
  readonly plan: Attachment
  /** What is known when it is wired only: the addresses that a plugin of somebody else gives then. */
  readonly later?: {
    get(): Promise<Attached>
    /** Takes back what `get` was given, or may have been. */
    giveBack(): Promise<void>
  }
}

/** What is to be wired, with addresses that may still be on their way to the disk. */
export type Prepared = Allocated<Attached>

/** Pure: the entries and the result of an attachment. */
export function planRecord(record: AttachmentRecord): Attachment {
  return planWiring(record.wiring, record.netnsCookie)
}

function planWiring<P extends PlanName>(wiring: Wiring<P>, netns: string): Attachment {
  return PLANNERS[wiring.plan](wiring.spec, netns)
}

/**
 * What tells a record of ours from something else. Lines bear checksums and only the agent writes them, so the parts
 * are not looked at one by one.
 */
const Shape = v.looseObject({
  type: v.string(),
  netnsCookie: v.string(),
  wiring: v.looseObject({
    plan: v.pipe(
      v.string(),
      v.check(name => Object.hasOwn(PLANNERS, name), 'no planner of this agent'),
    ),
    spec: v.looseObject({ containerId: v.string(), ifName: v.string(), network: v.string() }),
  }),
})

export function parseRecord(value: unknown): AttachmentRecord {
  v.assert(Shape, value)
  return value as unknown as AttachmentRecord
}
