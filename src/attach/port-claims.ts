import { familyOf } from '../ip/index.ts'
import { hostPortTaken } from './errors.ts'
import type { PortMapping } from './portmap-config.ts'
import { singleAddress } from './portmap-family.ts'

/** The host ports of another pod. */
export interface PortClaims {
  /** For people: `pod default/web-1`. */
  readonly owner: string
  readonly portMappings: readonly PortMapping[]
}

/**
 * A port of the host leads to one pod. As with listening sockets, one that is any address's excludes one of a single
 * address. Throws `attach.host-port-taken`.
 */
export function refuseTakenPorts(wanted: readonly PortMapping[], others: readonly PortClaims[]): void {
  for (const { owner, portMappings } of others) {
    for (const mapping of wanted) {
      if (portMappings.some(other => isSamePort(mapping, other))) throw hostPortTaken(mapping, owner)
    }
  }
}

function isSamePort(a: PortMapping, b: PortMapping): boolean {
  if (a.hostPort !== b.hostPort || a.protocol !== b.protocol) return false
  if (a.hostIP === undefined || b.hostIP === undefined) return true
  if (familyOf(a.hostIP) !== familyOf(b.hostIP)) return false
  const [one, other] = [singleAddress(a), singleAddress(b)]
  return one === undefined || other === undefined || one === other
}
