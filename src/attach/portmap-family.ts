import {
  type Address,
  type Family,
  familyOf,
  formatPrefix,
  parseAddress,
  parseInterfaceAddress,
} from '../ip/index.ts'
import { invalidConfiguration } from './errors.ts'
import type { PortMapping, PortmapConfig } from './portmap-config.ts'
import type { CniIp } from './result.ts'

/** A mapping in one family. */
export interface FamilyMapping extends Omit<PortMapping, 'hostIP'> {
  /** The one address of the host that is meant; absent for any. */
  readonly hostAddress?: string
}

/** Host ports of a pod in one family. */
export interface FamilyPorts {
  /** The pod's. */
  readonly address: Address
  readonly mappings: readonly FamilyMapping[]
  /** Prefixes: whose packets to the pod take an address of the host. */
  readonly masqueraded: readonly string[]
}

const ANY_SOURCE: Readonly<Record<Family, string>> = { 4: '0.0.0.0/0', 6: '::/0' }

/** Throws `attach.invalid-configuration` if a port is named twice. */
export function familyPorts(config: PortmapConfig, ip: CniIp): FamilyPorts {
  const { address, prefix } = parseInterfaceAddress(ip.address)
  const mappings = familyMappings(config, address.family)
  const keys = mappings.map(({ hostAddress = '', protocol, hostPort }) =>
    [hostAddress, protocol, hostPort].join(' '),
  )
  if (new Set(keys).size < keys.length) {
    throw invalidConfiguration('portMappings names a port of the host twice')
  }
  const source = config.masqAll ? ANY_SOURCE[address.family] : formatPrefix(prefix)
  return { address, mappings, masqueraded: config.snat ? [source] : [] }
}

export function familyMappings({ portMappings }: PortmapConfig, family: Family): readonly FamilyMapping[] {
  const own = portMappings.filter(({ hostIP }) => hostIP === undefined || familyOf(hostIP) === family)
  return own.map(mapping => {
    const { hostIP: _, ...rest } = mapping
    const hostAddress = singleAddress(mapping)
    return hostAddress === undefined ? rest : { ...rest, hostAddress }
  })
}

/** The one address of the host that is meant; undefined for any. */
export function singleAddress({ hostIP }: PortMapping): string | undefined {
  return hostIP === undefined || parseAddress(hostIP).value === 0n ? undefined : hostIP
}
