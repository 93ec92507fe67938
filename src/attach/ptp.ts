import {
  addressBits,
  formatAddress,
  formatInterfaceAddress,
  formatPrefix,
  parseAddress,
  parseInterfaceAddress,
} from '../ip/index.ts'
import type { Entry, RouteEntry } from '../kernel/index.ts'
import { invalidConfiguration } from './errors.ts'
import { type RoutedIp, withGateway } from './gateway.ts'
import { planGuard } from './guard.ts'
import { planMasquerade } from './masquerade.ts'
import { checkMtu, linkHasIpv6 } from './mtu.ts'
import type { Attachment, AttachmentSpec } from './plan.ts'
import { podAddresses, podEnd, podInterface, resultDns } from './pod-side.ts'
import type { PtpConfig } from './ptp-config.ts'
import { ipFamily } from './result.ts'
import { linkRoute, routeEntries } from './routes.ts'
import { forwardingSysctls, sysctl } from './sysctls.ts'
import { uniqueEntries } from './unique-entries.ts'
import { vethPair } from './veth-pair.ts'

export interface PtpSpec extends AttachmentSpec {
  readonly config: PtpConfig
}

/** Place of the pod's interface in the result: after the host's end. */
const POD_INTERFACE = 1

/**
 * A pod on a veth pair and no bridge, as the CNI `ptp` plugin wires it: the host's end bears the gateway's address,
 * and whatever the pod sends goes there, also what is for its own subnet.
 *
 * Throws `attach.invalid-configuration`.
 *
 * @param netns the name of the pod's namespace in `VethLink.peer.netns` and in the apply context
 */
export function planPtp(spec: PtpSpec, netns: string): Attachment {
  const { config, ifName, routes } = spec
  if (spec.ips.length === 0) {
    throw invalidConfiguration('ptp goes by addresses, and there are none: name an ipam')
  }
  const ips = spec.ips.map(ip => ({ ...withGateway(ip), interface: POD_INTERFACE }))
  checkMtu(config.mtu, ips)
  const pair = vethPair(spec, netns, config.mtu)
  const guard = planGuard(config, 'host', spec, pair)
  const masquerade = planMasquerade(config, spec, ips)
  return {
    pod: [
      ...podInterface(spec, podEnd(spec, pair.pod, true)),
      // Without the connected route, by which the pod would look for its neighbours on the link.
      ...podAddresses(ips, ifName, { noPrefixRoute: true }),
      ...uniqueEntries([
        ...ips.flatMap(ip => throughGateway(ip, ifName)),
        ...routeEntries(ips, routes, ifName),
      ]),
    ],
    host: [
      pair.link,
      ...hostSysctls(spec, pair.link.name),
      ...uniqueEntries(ips.flatMap(ip => gatewayOf(ip, pair.link.name))),
      ...masquerade.host,
      ...guard.host,
    ],
    shared: [...forwardingSysctls(ips), ...masquerade.shared, ...guard.shared],
    displaced: [],
    result: { interfaces: [pair.host, pair.pod], ips, routes, dns: resultDns(config.dns, spec.dns) },
  }
}

/** In the pod: the gateway is on the link, all else of the subnet behind it. */
function throughGateway({ address: text, gateway }: RoutedIp, link: string): readonly RouteEntry[] {
  const { address, prefix } = parseInterfaceAddress(text)
  // With several addresses each subnet has its own; IPv6 refuses an address as source that is but a moment old.
  const source = prefix.family === 4 ? { source: formatAddress(address) } : {}
  const toGateway = { ...linkRoute(alone(gateway), link), ...source }
  // What is left of the subnet besides the pod itself.
  if (prefix.length === addressBits(prefix.family)) return [toGateway]
  const { scope: _, ...toSubnet } = linkRoute(formatPrefix(prefix), link)
  return [toGateway, { ...toSubnet, ...source, gateway }]
}

function hostSysctls(spec: PtpSpec, link: string): readonly Entry[] {
  if (!linkHasIpv6(spec.config.mtu, spec.hostHasIpv6)) return []
  const entries = [sysctl(`ipv6/conf/${link}/accept_ra`, 0)]
  // The gateway answers from the first packet on.
  if (spec.ips.some(ip => ipFamily(ip) === 6)) entries.push(sysctl(`ipv6/conf/${link}/accept_dad`, 0))
  return entries
}

/** On the host's end: the gateway's address, and the pod behind it. */
function gatewayOf({ address, gateway }: RoutedIp, link: string): readonly Entry[] {
  const pod = formatAddress(parseInterfaceAddress(address).address)
  return [{ kind: 'address', link, address: alone(gateway) }, linkRoute(alone(pod), link)]
}

/** One address as a prefix: `10.1.2.1/32`. */
function alone(text: string): string {
  const address = parseAddress(text)
  return formatInterfaceAddress(address, addressBits(address.family))
}
