import { linkNameFault } from '../ip/index.ts'
import type { Entry, LinkEntry } from '../kernel/index.ts'
import type { BridgeConfig } from './bridge-config.ts'
import { gatewayVlans, portEntries } from './bridge-vlans.ts'
import { invalidConfiguration, unsupportedField } from './errors.ts'
import { displacedAddresses, gatewayAddresses, withGateway } from './gateway.ts'
import { planGuard } from './guard.ts'
import { planMasquerade } from './masquerade.ts'
import { checkMtu, linkHasIpv6, mtuField, withoutLinkLocal } from './mtu.ts'
import { bridgeMac } from './names.ts'
import type { Attachment, AttachmentSpec } from './plan.ts'
import { podAddresses, podEnd, podInterface, resultDns } from './pod-side.ts'
import { type CniIp, type CniResult, type CniRoute, ipFamily } from './result.ts'
import { podRoutes, routeEntries } from './routes.ts'
import { forwardingSysctls, sysctl } from './sysctls.ts'
import { type VethPair, vethPair } from './veth-pair.ts'

export interface BridgeSpec extends AttachmentSpec {
  readonly config: BridgeConfig
  /** `use` for a bridge that somebody else made: it is used and never changed or deleted. Default `own`. */
  readonly bridgeClaim?: 'own' | 'use'
  /** Bytes, of a bridge that somebody else made: its ports may have others. */
  readonly bridgeMtu?: number
  /** Addresses with prefix length that `gatewayLink` has now and no entry of ours accounts for. */
  readonly bridgeAddresses?: readonly string[]
}

/** The link that bears the gateways' addresses: the bridge, or its end of the pods' VLAN. */
export function gatewayLink({ bridge, vlans }: BridgeConfig): string {
  return vlans?.access === undefined ? bridge : `${bridge}.${vlans.access}`
}

/** What the parts of the plan have in common, worked out once. */
interface Wiring {
  readonly spec: BridgeSpec
  readonly config: BridgeConfig
  readonly pair: VethPair
  /** What is known of the bridge besides its name; nothing of one that somebody else made. */
  readonly own: { readonly mac?: string; readonly mtu?: number }
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
  const ips = spec.ips.map(ip => ({
    ...(config.isGateway || ip.gateway !== undefined ? withGateway(ip) : ip),
    interface: POD_INTERFACE,
  }))
  checkMtu(config.mtu, ips)
  checkGatewayLink(spec)
  const { vlans } = config
  const bridgePort = {
    hairpin: config.hairpinMode,
    isolated: config.portIsolation,
    ...(vlans === undefined ? {} : { vlans: portEntries(vlans) }),
  }
  const wiring: Wiring = {
    spec,
    config,
    pair: vethPair(spec, netns, config.mtu, {
      master: config.bridge,
      bridgePort,
      ...withoutLinkLocal(config.mtu, spec.hostHasIpv6),
    }),
    ips,
    own: spec.bridgeClaim === 'use' ? {} : ownBridge(spec.hostIdentity, config),
    routes: podRoutes(ips, spec.routes, config.isDefaultGateway),
  }
  const gateway = gatewayLink(config)
  const gateways = config.isGateway ? gatewayAddresses(ips, gateway) : []
  const present = spec.bridgeAddresses ?? []
  const guard = planGuard(config, 'bridge', spec, wiring.pair, {
    trunk: (config.vlans?.trunk.length ?? 0) > 0,
  })
  const masquerade = planMasquerade(config, spec, ips)
  return {
    pod: podEntries(wiring),
    host: [...hostEntries(wiring), ...masquerade.host, ...guard.host],
    shared: [...bridgeEntries(wiring), ...gateways, ...masquerade.shared, ...guard.shared],
    displaced: displacedAddresses(gateways, present, gateway, config.forceAddress),
    result: resultOf(wiring),
  }
}

function podEntries({ spec, config, pair, ips, routes }: Wiring): readonly Entry[] {
  const end = podEnd(spec, pair.pod, !config.disableContainerInterface)
  return [
    ...podInterface(spec, end, { detectDuplicates: config.enabledad }),
    ...podAddresses(ips, spec.ifName),
    ...routeEntries(ips, routes, spec.ifName),
  ]
}

function hostEntries({ spec, config, pair }: Wiring): readonly Entry[] {
  const entries: Entry[] = [pair.link]
  if (linkHasIpv6(config.mtu, spec.hostHasIpv6)) {
    entries.push(sysctl(`ipv6/conf/${pair.link.name}/accept_ra`, 0))
  }
  return entries
}

function bridgeEntries({ spec, config, own, ips }: Wiring): readonly Entry[] {
  const { bridge } = config
  const gateway = gatewayLink(config)
  const routed = config.isGateway ? ips : []
  const entries: Entry[] = [bridgeLink(spec, own)]
  if (isVlanGateway(config)) entries.push(vlanGateway(spec, config.vlans.access))
  const mtu = spec.bridgeClaim === 'use' ? (spec.bridgeMtu ?? 0) : config.mtu
  if (linkHasIpv6(mtu, spec.hostHasIpv6)) {
    entries.push(sysctl(`ipv6/conf/${bridge}/accept_ra`, 0))
    if (isVlanGateway(config)) entries.push(sysctl(`ipv6/conf/${gateway}/accept_ra`, 0))
    const hasIpv6 = routed.some(ip => ipFamily(ip) === 6)
    if (hasIpv6 && !config.enabledad) entries.push(sysctl(`ipv6/conf/${gateway}/accept_dad`, 0))
  }
  return [...entries, ...forwardingSysctls(routed)]
}

function bridgeLink({ bridgeClaim, config }: BridgeSpec, own: Wiring['own']): LinkEntry {
  const { bridge: name, vlans } = config
  const common = {
    kind: 'link',
    name,
    owner: `bridge ${name}`,
    up: true,
    ...(config.promiscMode === true ? { promisc: true } : {}),
  } as const
  if (bridgeClaim === 'use') return { ...common, type: 'device', claim: 'use' }
  return {
    ...common,
    type: 'bridge',
    claim: 'own',
    ...own,
    ...(vlans === undefined ? {} : { vlanFiltering: true }),
    ...(isVlanGateway(config) ? { vlans: gatewayVlans(config.vlans.access) } : {}),
  }
}

type VlanGatewayConfig = BridgeConfig & { readonly vlans: { readonly access: number } }

function isVlanGateway(config: BridgeConfig): config is VlanGatewayConfig {
  return config.isGateway && config.vlans?.access !== undefined
}

/** The host in the pods' VLAN. */
function vlanGateway({ config }: BridgeSpec, id: number): LinkEntry {
  const { bridge } = config
  const name = gatewayLink(config)
  return {
    kind: 'link',
    type: 'vlan',
    claim: 'own',
    name,
    owner: `bridge ${bridge}`,
    device: bridge,
    id,
    up: true,
  }
}

/** Throws `attach.invalid-configuration` or `attach.unsupported-field` where the gateway can have no such link. */
function checkGatewayLink({ config, bridgeClaim }: BridgeSpec): void {
  if (!isVlanGateway(config)) return
  const name = gatewayLink(config)
  const fault = linkNameFault(name)
  if (fault !== undefined) {
    throw invalidConfiguration(
      `the gateway of the VLAN cannot be named ${name}: ${fault}; choose a shorter bridge`,
    )
  }
  if (bridgeClaim !== 'use') return
  const advice = `bridge ${config.bridge} is somebody else's and is not made to take part in VLANs: drop isGateway`
  throw unsupportedField('vlan', advice)
}

function ownBridge(hostIdentity: string, config: BridgeConfig): { mac: string; mtu?: number } {
  return { mac: bridgeMac(hostIdentity, config.bridge), ...mtuField(config.mtu) }
}

function resultOf({ spec, config, pair, own, ips, routes }: Wiring): CniResult {
  const gateway = isVlanGateway(config) ? [{ name: gatewayLink(config), ...own }] : []
  return {
    interfaces: [{ name: config.bridge, ...own }, pair.host, pair.pod, ...gateway],
    ips,
    routes,
    dns: resultDns(config.dns, spec.dns),
  }
}
