import type { AddressEntry, Entry, FlowFilter, LinkEntry, RouteEntry } from '../kernel/index.ts'
import type { CniDns, CniIp, CniResult, CniRoute } from './result.ts'

/** What address management gives; no addresses make a layer 2 attachment. */
export interface ManagedAddresses {
  readonly ips: readonly CniIp[]
  readonly routes: readonly CniRoute[]
  readonly dns: CniDns
}

/** What is to be attached, and what address management gave it. */
export interface AttachmentSpec extends ManagedAddresses {
  /** Name of the network. */
  readonly network: string
  readonly containerId: string
  /** Name of the interface in the pod. */
  readonly ifName: string
  /** Path of the pod's namespace, for the result only. */
  readonly sandbox: string
  readonly pod?: { readonly namespace: string; readonly name: string }
  /** What tells this host from others for good: the node's name. Seeds the bridge's MAC. */
  readonly hostIdentity: string
  readonly requestedMac?: RequestedMac
  /** UDP ports at which the overlay's nodes take packets of each other: no pod may send there. */
  readonly tunnelPorts?: readonly number[]
  /** False where the kernel has no IPv6, and so no sysctls of it. Default true. */
  readonly podHasIpv6?: boolean
  readonly hostHasIpv6?: boolean
}

/** What a plugin further down a chain works on: an interface that another plugin made. */
export interface ChainedSpec {
  readonly network: string
  readonly containerId: string
  readonly ifName: string
  readonly pod?: { readonly namespace: string; readonly name: string }
  /** What the plugins before it came to. */
  readonly prevResult: CniResult
  /** False where the kernel has no IPv6. Default true. */
  readonly hostHasIpv6?: boolean
}

/** A MAC can be asked for in three places; the first of this order wins. */
export interface RequestedMac {
  /** `runtimeConfig.mac` */
  readonly runtimeConfig?: string
  /** `args.cni.mac` */
  readonly args?: string
  /** `MAC` in CNI_ARGS */
  readonly cniArgs?: string
}

/** Everything one attachment needs the kernel to hold. */
export interface Attachment {
  /** Inside the pod; sysctls stand before what raises the link. */
  readonly pod: readonly Entry[]
  /** On the host, for this attachment alone. */
  readonly host: readonly Entry[]
  /** On the host, equal for every attachment of the network: bridge, gateway addresses, forwarding, masquerade. */
  readonly shared: readonly Entry[]
  /** Addresses of others that must leave the bridge: what `forceAddress` asks for. Mostly empty. */
  readonly displaced: readonly AddressEntry[]
  /** Routes of others in the pod that must go when the pod's entries are made: they have moved to another table. */
  readonly podDisplaced?: readonly RouteEntry[]
  /** What DEL does inside the pod while its namespace is at hand; all else goes with a link or with the namespace. */
  readonly podOnDelete?: PodOnDelete
  /** What connection tracking must forget once the host's entries are there, and once they have gone. */
  readonly staleFlows?: readonly FlowFilter[]
  readonly result: CniResult
}

export interface PodOnDelete {
  /** Entries of ours that do not go by themselves, such as a link without an end on the host. */
  readonly remove: readonly Entry[]
  /** Values that were there before, put back. */
  readonly restore: readonly Entry[]
  /** Links that attachments of the pod share: each goes if nothing but `member` has it as master. */
  readonly removeWithLast?: readonly { readonly link: LinkEntry; readonly member: string }[]
}

/** The entries that DEL removes, by what the pod has then. */
export function removedOnDelete(
  { remove, removeWithLast = [] }: PodOnDelete,
  present: readonly Entry[],
): readonly Entry[] {
  const last = removeWithLast.filter(({ link, member }) =>
    present.every(entry => entry.kind !== 'link' || entry.name === member || entry.master !== link.name),
  )
  return [...remove, ...last.map(({ link }) => link)]
}
