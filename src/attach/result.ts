import { type Family, familyOf } from '../ip/index.ts'

/**
 * The result of an attachment in the shape of CNI 1.1.0 (SPEC.md, "ADD Success"), less its `cniVersion`. This is
 * the newest shape and the only one inside; the `cni` room turns it into older ones at the edge.
 */
export interface CniResult {
  readonly interfaces: readonly CniInterface[]
  readonly ips: readonly CniIp[]
  readonly routes: readonly CniRoute[]
  readonly dns: CniDns
}

export interface CniInterface {
  readonly name: string
  readonly mac?: string
  /** Bytes; since 1.1.0. */
  readonly mtu?: number
  /** Path of the pod's network namespace; absent for an interface of the host. */
  readonly sandbox?: string
  readonly socketPath?: string
  readonly pciID?: string
}

export interface CniIp {
  /** Index in `interfaces`. */
  readonly interface?: number
  /** Host address with prefix length: `10.244.1.2/24`. */
  readonly address: string
  readonly gateway?: string
}

/** A route inside the pod; all but `dst` and `gw` since 1.1.0. */
export interface CniRoute {
  readonly dst: string
  readonly gw?: string
  /** Bytes. */
  readonly mtu?: number
  readonly advmss?: number
  readonly priority?: number
  readonly table?: number
  /** rt_scope_t as a number: 0 universe, 253 link, 254 host. */
  readonly scope?: number
}

export interface CniDns {
  readonly nameservers?: readonly string[]
  readonly domain?: string
  readonly search?: readonly string[]
  readonly options?: readonly string[]
}

/** The family of an address with prefix length. */
export function ipFamily(ip: CniIp): Family {
  return familyOf(ip.address)
}
