import type { Entry, LinkEntry, QdiscEntry } from '../kernel/index.ts'
import type { BandwidthConfig, BandwidthLimit, LimitedPeers } from './bandwidth-config.ts'
import { mtuField, withoutLinkLocal } from './mtu.ts'
import { attachmentOwner, shaperMac, shaperName } from './names.ts'
import type { Attachment, ChainedSpec } from './plan.ts'

export interface BandwidthSpec extends ChainedSpec {
  readonly config: BandwidthConfig
  /** The host's end of the pod's veth, with its MTU where that is known. */
  readonly hostInterface: { readonly name: string; readonly mtu?: number }
}

/** So long may a packet wait for the rate. */
const LATENCY_MS = 25
const U32_MAX = 0xffff_ffff

/**
 * Limits of what a pod receives and sends, as the CNI `bandwidth` plugin sets them. What goes to the pod is queued at
 * the host's end. What comes from it has no queue there, so it is sent through an ifb device of its own, which does.
 */
export function planBandwidth(spec: BandwidthSpec): Attachment {
  const { config, hostInterface, prevResult } = spec
  const { ingress, egress } = config
  const shaper = egress === undefined ? undefined : shaperLink(spec)
  const host: Entry[] = []
  if (ingress !== undefined) host.push(queue(hostInterface.name, ingress, config.peers, 'source'))
  if (egress !== undefined && shaper !== undefined) {
    const redirect = { kind: 'redirect', link: hostInterface.name, to: shaper.name } as const
    host.push(shaper, queue(shaper.name, egress, config.peers, 'destination'), redirect)
  }
  const { interfaces } = prevResult
  const result =
    shaper === undefined
      ? prevResult
      : { ...prevResult, interfaces: [...interfaces, { name: shaper.name, mac: shaper.mac }] }
  return { pod: [], host, shared: [], displaced: [], result }
}

function shaperLink(spec: BandwidthSpec): LinkEntry & { readonly mac: string } {
  const { containerId, ifName, hostHasIpv6 } = spec
  const { mtu = 0 } = spec.hostInterface
  return {
    kind: 'link',
    type: 'ifb',
    claim: 'own',
    name: shaperName(containerId, ifName),
    owner: attachmentOwner(spec),
    mac: shaperMac(containerId, ifName),
    ...mtuField(mtu),
    ...withoutLinkLocal(mtu, hostHasIpv6),
    up: true,
  }
}

/** @param by where a packet names the pod's peer */
function queue(
  link: string,
  { rateBps, burstBits }: BandwidthLimit,
  peers: LimitedPeers | undefined,
  by: 'source' | 'destination',
): QdiscEntry {
  const burstBytes = Math.floor(burstBits / 8)
  const waitingBytes = Math.floor((Math.floor(rateBps / 8) * LATENCY_MS) / 1000)
  const limitBytes = Math.min(burstBytes + waitingBytes, U32_MAX)
  const limit = { rateBps, burstBytes, limitBytes }
  const qdisc =
    peers === undefined
      ? { type: 'tbf' as const, ...limit }
      : { type: 'htb' as const, ...limit, by, ...peers }
  return { kind: 'qdisc', link, qdisc }
}
