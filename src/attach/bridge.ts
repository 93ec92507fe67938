import type { Entry, LinkEntry } from '../kernel/index.ts'
import type { BridgeConfig } from './bridge-config.ts'
import { invalidConfiguration } from './errors.ts'
import { displacedAddresses, gatewayAddresses, withGateway } from './gateway.ts'
import { masqueradeTable, podElement, subnetElement } from './masquerade.ts'
import { attachmentOwner, bridgeMac, hostInterfaceName, hostMac, podMac } from './names.ts'
import type { Attachment, AttachmentSpec } from './plan.ts'
import { type CniIp, type CniResult, type CniRoute, ipFamily } from './result.ts'
import { podRoutes, routeEntries } from './routes.ts'
import { podSysctls, sysctl } from './sysctls.ts'

export interface BridgeSpec extends AttachmentSpec {
  readonly config: BridgeConfig
  /** `use` for a bridge that somebody else made: it is used and never changed or deleted. Default `own`. */
  readonly bridgeClaim?: 'own' | 'use'
  /** Addresses with prefix length that the bridge has now and no entry of ours accounts for. */
  readonly bridgeAddresses?: readonly string[]
}

/** What the parts of the plan have in common, worked out once. */
interface Wiring {
  readonly spec: BridgeSpec
  readonly netns: string
  readonly config: BridgeConfig
  readonly owner: string
  readonly hostName: string
  readonly hostMac: string
  readonly podMac: string
  /** With gateways, and the index of the pod's interface in the result. */
  readonly ips: readonly CniIp[]
  readonly routes: readonly CniRoute[]
}

/** Place of the pod's interface in the result: after the bridge and the host's end. */
const POD_INTERFACE = 2

/**
 * A pod on a bridge, as the CNI `bridge` plugin wires it: a veth pair with the host's end as a port, the pod's end
 * with addresses and routes, the bridge as gateway.
 *
 * Throws `attach.invalid-configuration`, `attach.unsupported-field` or `attach.address-conflict`.
 *
 * @param netns the name of the pod's namespace in `VethLink.peer.netns` and in the apply context: no other pod's
 */
export function planBridge(spec: BridgeSpec, netns: string): Attachment {
  const { config } = spec
  if (config.disableContainerInterface && spec.ips.length > 0) {
    throw invalidConfiguration('disableContainerInterface leaves no use for addresses')
  }
  const ips = spec.ips.map(ip => ({ ...withGateway(ip, config.isGateway), interface: POD_INTERFACE }))
  checkMtu(config.mtu, ips)
  const wiring: Wiring = {
    spec,
    netns,
    config,
    owner: attachmentOwner(spec),
    hostName: hostInterfaceName(spec.containerId, spec.ifName),
    hostMac: hostMac(spec.containerId, spec.ifName),
    podMac: podMac(spec),
    ips,
    routes: podRoutes(ips, spec.routes, config.isDefaultGateway),
  }
  const gateways = config.isGateway ? gatewayAddresses(ips, config.bridge) : []
  const present = spec.bridgeAddresses ?? []
  return {
    pod: podEntries(wiring),
    host: hostEntries(wiring),
    shared: [...bridgeEntries(wiring), ...gateways, ...sharedMasquerade(wiring)],
    displaced: displacedAddresses(gateways, present, config.bridge, config.forceAddress),
    result: resultOf(wiring),
  }
}

function podEntries({ spec, config, owner, podMac, ips, routes }: Wiring): readonly Entry[] {
  const { ifName } = spec
  const device = { kind: 'link', type: 'device', claim: 'use', owner } as const
  const ipv6 = spec.podHasIpv6 ?? true
  return [
    { ...device, name: 'lo', up: true },
    ...podSysctls(ifName, { ipv6, detectDuplicates: config.enabledad }),
    { ...device, name: ifName, mac: podMac, ...mtuOf(config), up: !config.disableContainerInterface },
    ...ips.map(ip => ({ kind: 'address', link: ifName, address: ip.address }) as const),
    ...routeEntries(ips, routes, ifName),
  ]
}

function hostEntries({
  spec,
  netns,
  config,
  owner,
  hostName,
  hostMac,
  podMac,
  ips,
}: Wiring): readonly Entry[] {
  const veth: LinkEntry = {
    kind: 'link',
    type: 'veth',
    claim: 'own',
    name: hostName,
    owner,
    mac: hostMac,
    ...mtuOf(config),
    master: config.bridge,
    up: true,
    bridgePort: { hairpin: config.hairpinMode, isolated: config.portIsolation },
    peer: { name: spec.ifName, netns, mac: podMac, ...mtuOf(config) },
  }
  const entries: Entry[] = [veth]
  if (spec.hostHasIpv6 ?? true) entries.push(sysctl(`ipv6/conf/${hostName}/accept_ra`, 0))
  if (config.ipMasq) entries.push(...ips.map(ip => podElement(spec.network, ip)))
  return entries
}

function bridgeEntries({ spec, config, ips }: Wiring): readonly Entry[] {
  const { bridge } = config
  const owner = `bridge ${bridge}`
  const families = config.isGateway ? new Set(ips.map(ipFamily)) : new Set()
  const entries: Entry[] = [
    spec.bridgeClaim === 'use'
      ? { kind: 'link', type: 'device', claim: 'use', name: bridge, owner, up: true }
      : {
          kind: 'link',
          type: 'bridge',
          claim: 'own',
          name: bridge,
          owner,
          up: true,
          ...ownBridge(spec, config),
        },
  ]
  if (spec.hostHasIpv6 ?? true) {
    entries.push(sysctl(`ipv6/conf/${bridge}/accept_ra`, 0))
    if (families.has(6) && !config.enabledad) entries.push(sysctl(`ipv6/conf/${bridge}/accept_dad`, 0))
  }
  // ip_forward is another name of the first.
  if (families.has(4)) entries.push(sysctl('ipv4/conf/all/forwarding', 1))
  if (families.has(6)) entries.push(sysctl('ipv6/conf/all/forwarding', 1))
  return entries
}

function ownBridge(spec: BridgeSpec, config: BridgeConfig): { mac: string; mtu?: number } {
  return { mac: bridgeMac(spec.hostIdentity, config.bridge), ...mtuOf(config) }
}

function sharedMasquerade({ spec, config, ips }: Wiring): readonly Entry[] {
  if (!config.ipMasq) return []
  const families = [...new Set(ips.map(ipFamily))]
  const subnets = new Map(
    ips.map(ip => [subnetElement(spec.network, ip).key.join(), subnetElement(spec.network, ip)]),
  )
  return [...families.map(family => masqueradeTable(spec.network, family)), ...subnets.values()]
}

function resultOf({ spec, config, hostName, hostMac, podMac, ips, routes }: Wiring): CniResult {
  const mtu = mtuOf(config)
  const bridge = spec.bridgeClaim === 'use' ? {} : ownBridge(spec, config)
  const ownDns = config.dns !== undefined && Object.keys(config.dns).length > 0
  return {
    interfaces: [
      { name: config.bridge, ...bridge },
      { name: hostName, mac: hostMac, ...mtu },
      { name: spec.ifName, mac: podMac, ...mtu, sandbox: spec.sandbox },
    ],
    ips,
    routes,
    dns: ownDns && config.dns !== undefined ? config.dns : spec.dns,
  }
}

function mtuOf(config: BridgeConfig): { mtu?: number } {
  return config.mtu === 0 ? {} : { mtu: config.mtu }
}

/** A link below 1280 bytes loses its IPv6 addresses (RFC 8200, section 5). */
function checkMtu(mtu: number, ips: readonly CniIp[]): void {
  if (mtu === 0 || mtu >= 1280 || !ips.some(ip => ipFamily(ip) === 6)) return
  throw invalidConfiguration(`mtu ${mtu} is below 1280, the least that IPv6 works with`)
}
