import * as v from 'valibot'
import type { Family } from '../ip/index.ts'
import { formatAddress, parseAddress } from '../ip/index.ts'
import { backendKey, flag, type NatBackend, readKeys } from './config-keys.ts'
import { invalidConfiguration, unsupportedField } from './errors.ts'
import { FORWARD_BIT, PORTMAP_BIT } from './mark-bits.ts'
import { type PortCondition, parseConditions } from './portmap-conditions.ts'
import { addressSchema } from './result-schema.ts'

export type PortProtocol = 'tcp' | 'udp' | 'sctp'

/** One port of the host that leads to the pod: the capability `portMappings` (CNI CONVENTIONS.md). */
export interface PortMapping {
  readonly hostPort: number
  readonly containerPort: number
  readonly protocol: PortProtocol
  /** Canonical. Absent: any address of the host, of both families; `0.0.0.0` and `::`: any of one family. */
  readonly hostIP?: string
}

/** The keys of the `portmap` plugin, with their defaults in place. */
export interface PortmapConfig {
  readonly backend: NatBackend
  /** A pod that comes by a host port from the pod's own subnet takes an address of the host, so that answers return. */
  readonly snat: boolean
  /** Whoever comes by a host port does. */
  readonly masqAll: boolean
  /** The bit of the packet mark that remembers what was translated; default 13. */
  readonly markMasqBit: number
  /** What else must hold of a packet, by family. */
  readonly conditions: Readonly<Record<Family, readonly PortCondition[]>>
  readonly portMappings: readonly PortMapping[]
}

const port = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(65_535))

const mapping = v.object({
  hostPort: port,
  containerPort: port,
  protocol: v.pipe(
    v.optional(v.string(), 'tcp'),
    v.toLowerCase(),
    v.picklist(['tcp', 'udp', 'sctp'], issue => `${issue.received} is none of tcp, udp and sctp`),
  ),
  hostIP: v.exactOptional(v.union([v.literal(''), addressSchema])),
})

const schema = v.object({
  backend: backendKey,
  snat: v.optional(v.boolean(), true),
  masqAll: flag,
  markMasqBit: v.exactOptional(
    v.pipe(
      v.number(),
      v.integer(),
      v.minValue(0),
      v.maxValue(31),
      v.notValue(
        FORWARD_BIT,
        `bit ${FORWARD_BIT} marks what the firewall plugin lets through: choose another`,
      ),
    ),
  ),
  /** A chain of somebody else that marks what is to be masqueraded: done here without one. */
  externalSetMarkChain: v.exactOptional(v.string()),
  conditionsV4: v.nullish(v.array(v.string()), []),
  conditionsV6: v.nullish(v.array(v.string()), []),
  runtimeConfig: v.optional(v.looseObject({ portMappings: v.optional(v.array(mapping), []) }), {}),
})

/** Throws `attach.invalid-configuration`, or `attach.unsupported-field` for what is not done here. */
export function parsePortmapConfig(raw: unknown): PortmapConfig {
  const config = readKeys('portmap', schema, raw)
  if (config.markMasqBit !== undefined && config.externalSetMarkChain !== undefined) {
    throw invalidConfiguration('externalSetMarkChain and markMasqBit cannot both be set: choose one')
  }
  const portMappings = config.runtimeConfig.portMappings.map(canonical)
  for (const { hostIP } of portMappings) refuseLoopback(hostIP, config.snat && config.backend !== 'iptables')
  return {
    backend: config.backend,
    snat: config.snat,
    masqAll: config.masqAll,
    markMasqBit: config.markMasqBit ?? PORTMAP_BIT,
    conditions: {
      4: parseConditions(4, 'conditionsV4', config.conditionsV4),
      6: parseConditions(6, 'conditionsV6', config.conditionsV6),
    },
    portMappings,
  }
}

function canonical({ hostIP, ...rest }: v.InferOutput<typeof mapping>): PortMapping {
  if (hostIP === undefined || hostIP === '') return rest
  return { ...rest, hostIP: formatAddress(parseAddress(hostIP)) }
}

/** 127.0.0.1 leads to the pod by way of an address of the host's, which `snat` gives with nftables; ::1 never does. */
function refuseLoopback(hostIP: string | undefined, hasLoopback: boolean): void {
  if (hostIP !== '::1' && hostIP?.startsWith('127.') !== true) return
  if (hostIP === '127.0.0.1' && hasLoopback) return
  throw unsupportedField('portMappings', `hostIP ${hostIP} leads to no pod: name another address of the host`)
}
