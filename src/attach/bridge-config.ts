import * as v from 'valibot'
import { type PortVlans, portVlans, vlanKeys } from './bridge-vlans.ts'
import {
  backendKey,
  dnsKey,
  flag,
  guardKey,
  linkName,
  mtuKey,
  type NatBackend,
  readKeys,
} from './config-keys.ts'
import { invalidConfiguration } from './errors.ts'
import type { CniDns } from './result.ts'

/** The keys of the `bridge` plugin that are done here, with their defaults in place. */
export interface BridgeConfig {
  /** Default `cni0`. */
  readonly bridge: string
  /** The bridge gets the gateway address of each subnet. */
  readonly isGateway: boolean
  /** The pod's default route goes through the bridge; implies `isGateway`. */
  readonly isDefaultGateway: boolean
  /** An address of another subnet on the bridge makes room instead of being an error. */
  readonly forceAddress: boolean
  /** Pods that leave their subnets take an address of the host. */
  readonly ipMasq: boolean
  readonly ipMasqBackend: NatBackend
  /** Bytes; 0 leaves it to the kernel. */
  readonly mtu: number
  /** A frame may leave through the port it came in by: a pod reaches itself through a Service. */
  readonly hairpinMode: boolean
  /** Pods reach the host and beyond, but not each other. */
  readonly portIsolation: boolean
  /** Duplicate address detection for IPv6, which delays a new address by a second or two. */
  readonly enabledad: boolean
  /** The pod's interface stays down and gets no addresses. */
  readonly disableContainerInterface: boolean
  /** What the pod sends is checked. */
  readonly guard: boolean
  /** Without the guard: the MAC alone is checked. */
  readonly macspoofchk: boolean
  /** The bridge takes all frames, also those for nobody it knows. */
  readonly promiscMode?: boolean
  /** Absent where VLANs are left alone. */
  readonly vlans?: PortVlans
  readonly dns?: CniDns
}

const schema = v.object({
  bridge: v.optional(v.union([v.literal(''), linkName]), 'cni0'),
  isGateway: flag,
  isDefaultGateway: flag,
  forceAddress: flag,
  ipMasq: flag,
  ipMasqBackend: backendKey,
  mtu: mtuKey,
  hairpinMode: flag,
  promiscMode: flag,
  ...vlanKeys,
  macspoofchk: flag,
  guard: guardKey,
  enabledad: flag,
  disableContainerInterface: flag,
  portIsolation: flag,
  dns: dnsKey,
  ipam: v.exactOptional(v.looseObject({ type: v.exactOptional(v.string()) })),
})

type Parsed = v.InferOutput<typeof schema>

/**
 * Reads the keys of the `bridge` plugin out of a network configuration; keys it does not know are not its business.
 *
 * Throws `attach.invalid-configuration`, or `attach.unsupported-field` for what this plugin does not do.
 */
export function parseBridgeConfig(raw: unknown): BridgeConfig {
  const config = readKeys('bridge', schema, raw)
  refuseContradictions(config)
  const vlans = portVlans(config)
  return {
    bridge: config.bridge === '' ? 'cni0' : config.bridge,
    isGateway: config.isGateway || config.isDefaultGateway,
    isDefaultGateway: config.isDefaultGateway,
    forceAddress: config.forceAddress,
    ipMasq: config.ipMasq,
    ipMasqBackend: config.ipMasqBackend,
    mtu: config.mtu,
    hairpinMode: config.hairpinMode,
    portIsolation: config.portIsolation,
    enabledad: config.enabledad,
    disableContainerInterface: config.disableContainerInterface,
    guard: config.guard,
    macspoofchk: config.macspoofchk,
    ...(config.promiscMode ? { promiscMode: true } : {}),
    ...(vlans === undefined ? {} : { vlans }),
    ...(config.dns === undefined ? {} : { dns: config.dns }),
  }
}

function refuseContradictions(config: Parsed): void {
  if (config.hairpinMode && config.promiscMode) {
    throw invalidConfiguration('hairpinMode and promiscMode cannot both be set: choose one')
  }
  if (config.disableContainerInterface && (config.ipam?.type ?? '') !== '') {
    throw invalidConfiguration('disableContainerInterface leaves no use for ipam: remove one of the two')
  }
}
