import type { CniDns, CniIp, CniRoute } from '../../attach/index.ts'
import type { PodIdentity } from '../../cni/index.ts'
import type { Allocated } from '../../ipam/index.ts'

/** Who holds an address: one interface of one container. */
export interface Holder {
  readonly containerId: string
  readonly ifName: string
}

/** What address management gives an attachment. */
export interface Lease {
  readonly ips: readonly CniIp[]
  readonly routes: readonly CniRoute[]
  readonly dns: CniDns
}

/** What the runtime says of the addresses that an attachment is to have. */
export interface AddressRequest {
  /** Asked for by name; canonical text. */
  readonly addresses: readonly string[]
  readonly pod?: PodIdentity
}

export interface AddressSource {
  /**
   * Takes one address of each range set, all or none. They may still be on their way to the disk when it returns.
   *
   * @param use told of them before any is on disk, so that it can be written down first whose they are. If it throws,
   *   none are taken
   */
  allocate<T>(holder: Holder, request: AddressRequest, use: (lease: Lease) => T): Promise<Allocated<T>>
  /** Gives back whatever the holder has; nothing is no error. */
  release(holder: Holder): Promise<void>
  holds(holder: Holder): Promise<boolean>
  /** Gives back what holders have that are not in `keep`. */
  collect(keep: readonly Holder[]): Promise<void>
  /** Why no address can be had now, in words; undefined if one can. */
  fault(): Promise<string | undefined>
}

export const NO_LEASE: Lease = { ips: [], routes: [], dns: {} }

export function holderKey({ containerId, ifName }: Holder): string {
  return `${containerId}/${ifName}`
}
