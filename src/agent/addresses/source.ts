import type { CniDns, CniIp, CniRoute } from '../../attach/index.ts'

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

export interface AddressSource {
  /**
   * Takes one address of each range set, all or none; `requested` are addresses asked for by the runtime.
   *
   * @param use told of them before they are on disk, so that it can be written down first whose they are. If it throws,
   *   none are taken; it is called again if one of them proves to be somebody else's
   * @returns what the last `use` returned
   */
  allocate<T>(holder: Holder, requested: readonly string[], use: (lease: Lease) => T): Promise<T>
  /** Gives back whatever the holder has; nothing is no error. */
  release(holder: Holder): Promise<void>
  holds(holder: Holder): Promise<boolean>
  /** Gives back what holders have that are not in `keep` (`holderKey`). */
  collect(keep: ReadonlySet<string>): Promise<void>
  /** Why no address can be had now, in words; undefined if one can. */
  fault(): string | undefined
}

export const NO_LEASE: Lease = { ips: [], routes: [], dns: {} }

export function holderKey({ containerId, ifName }: Holder): string {
  return `${containerId}/${ifName}`
}
