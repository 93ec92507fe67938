import { type Clock, hasCode } from '../base/index.ts'
import { formatAddress, formatInterfaceAddress, parseAddress, parsePrefix } from '../ip/index.ts'
import { AddressPool } from './address-pool.ts'
import { alreadyHolds, outOfRange } from './errors.ts'
import { HostLocalStore, type HostLocalStoreOptions, type LockedLeases } from './host-local-store.ts'
import { formatHolder, type HostLocalHolder, type HostLocalLease } from './lease-file.ts'
import type { AddressRange } from './range.ts'

export interface HostLocalAllocatorOptions extends Omit<HostLocalStoreOptions, 'listener'> {
  /** One address is given out of each set. */
  readonly rangeSets: readonly (readonly AddressRange[])[]
  readonly clock: Clock
  /** 30 s; known to this process only. */
  readonly cooldownMs?: number
}

/** One address of an attachment. */
export interface Allocation {
  /** With the prefix length of its range: `10.1.2.3/24`. */
  readonly address: string
  readonly gateway?: string
}

/** An address that is to be taken, of a range set. */
interface Choice {
  readonly address: string
  readonly pool: AddressPool
  readonly rangeIndex: number
  /** Asked for by name. */
  readonly wished: boolean
}

/** Addresses of one network, kept in a directory that the reference plugin can read and write in turn. */
export class HostLocalAllocator {
  private readonly store: HostLocalStore
  private readonly pools: readonly AddressPool[]

  /** @throws what `AddressPool` and `HostLocalStore` throw */
  constructor(options: HostLocalAllocatorOptions) {
    const { rangeSets, clock, cooldownMs = 30_000 } = options
    this.pools = rangeSets.map(ranges => new AddressPool({ ranges, clock, cooldownMs }))
    const listener = {
      added: (lease: HostLocalLease) => this.noteAdded(lease),
      removed: (lease: HostLocalLease) => this.noteRemoved(lease),
    }
    this.store = new HostLocalStore({ ...options, listener })
  }

  /**
   * Takes one address of each range set, all or none, on disk when it returns.
   * @param requested addresses wanted, at most one of a set
   * @throws IpamError `ipam.exhausted`, `ipam.taken`, `ipam.out-of-range`, `ipam.store`
   */
  allocate<T>(
    holder: HostLocalHolder,
    requested: readonly string[],
    use: (allocations: readonly Allocation[]) => T,
  ): Promise<T> {
    const wishes = this.assign(requested)
    return this.store.locked(leases => {
      const [present] = leases.addressesOf(holder)
      if (present !== undefined) throw alreadyHolds(formatHolder(holder), present)
      try {
        for (;;) {
          const chosen = this.choose(leases, holder, wishes)
          const result = use(chosen.map(allocationOf))
          if (reserveAll(leases, holder, chosen)) return result
        }
      } catch (error) {
        this.cancel(holder)
        throw error
      }
    })
  }

  /** Gives back whatever the holder has; nothing is no error. @returns the addresses */
  release(holder: HostLocalHolder): Promise<readonly string[]> {
    return this.store.exists ? this.store.locked(leases => leases.release(holder)) : Promise.resolve([])
  }

  /** The holder's addresses. */
  addressesOf(holder: HostLocalHolder): Promise<readonly string[]> {
    return this.store.exists ? this.store.locked(leases => leases.addressesOf(holder)) : Promise.resolve([])
  }

  /** Gives back what all holders have that `keep` refuses. @returns the leases that went */
  collect(keep: (lease: HostLocalLease) => boolean): Promise<readonly HostLocalLease[]> {
    if (!this.store.exists) return Promise.resolve([])
    return this.store.locked(leases => {
      leases.makeSure()
      const stale = [...leases.all()].filter(lease => !keep(lease))
      leases.remove(stale.map(lease => lease.address))
      return stale
    })
  }

  /** Why nothing can be allocated now, in words, as far as this process has seen; undefined if something can. */
  fault(): string | undefined {
    return this.pools.map(pool => pool.fault()).find(fault => fault !== undefined)
  }

  /** One address of each range set, in memory. */
  private choose(
    leases: LockedLeases,
    holder: HostLocalHolder,
    wishes: ReadonlyMap<AddressPool, string>,
  ): readonly Choice[] {
    return this.pools.map((pool, rangeIndex) => {
      const wish = wishes.get(pool)
      const last = leases.lastReserved(rangeIndex)
      if (last !== undefined) pool.continueAfter(last)
      const address = allocateSurely(leases, pool, formatHolder(holder), wish)
      return { address, pool, rangeIndex, wished: wish !== undefined }
    })
  }

  /** Never used, so no cooldown: a refused ADD must not eat the range. */
  private cancel(holder: HostLocalHolder): void {
    for (const pool of this.pools) pool.cancel(formatHolder(holder))
  }

  /** Which pool each requested address is for. */
  private assign(requested: readonly string[]): Map<AddressPool, string> {
    const wishes = new Map<AddressPool, string>()
    for (const text of requested) {
      const address = formatAddress(parseAddress(text))
      const pool = this.poolOf(address)
      if (pool === undefined || wishes.has(pool))
        throw outOfRange(address, 'the range sets, one address of each')
      wishes.set(pool, address)
    }
    return wishes
  }

  private poolOf(address: string): AddressPool | undefined {
    return this.pools.find(pool => pool.rangeOf(address) !== undefined)
  }

  private noteAdded(lease: HostLocalLease): void {
    const pool = this.poolOf(lease.address)
    if (pool === undefined || pool.holderOf(lease.address) !== undefined) return
    const holder = `${lease.containerId}\r\n${lease.ifName ?? ''}`
    // Other programs may give a holder several addresses of a set; the pool wants one name for each.
    pool.restore(pool.addressOf(holder) === undefined ? holder : `${holder} ${lease.address}`, lease.address)
  }

  private noteRemoved({ address }: HostLocalLease): void {
    const pool = this.poolOf(address)
    const holder = pool?.holderOf(address)
    if (pool !== undefined && holder !== undefined) pool.release(holder)
  }
}

/** Writes the leases. False if an address proves to be taken; then, or if it throws, none is the holder's. */
function reserveAll(leases: LockedLeases, holder: HostLocalHolder, chosen: readonly Choice[]): boolean {
  const reserved: string[] = []
  const giveUp = () => {
    // Before its file goes, which would make it rest.
    for (const { pool } of chosen) pool.cancel(formatHolder(holder))
    leases.remove(reserved)
  }
  try {
    for (const { address, pool, rangeIndex, wished } of chosen) {
      // First the hint, then the lease: should the second fail, the first does no harm.
      if (!wished) leases.setLastReserved(rangeIndex, address)
      if (!leases.reserve(address, holder)) {
        giveUp()
        // There is a file that the index did not know, or something else of that name: not ours to give.
        pool.restore(`somebody else ${address}`, address)
        return false
      }
      reserved.push(address)
    }
    return true
  } catch (error) {
    giveUp()
    throw error
  }
}

/** An address that only seems to be taken may have been given back by another program a moment ago. */
function allocateSurely(
  leases: LockedLeases,
  pool: AddressPool,
  name: string,
  wish: string | undefined,
): string {
  try {
    return pool.allocate(name, wish)
  } catch (error) {
    if (!hasCode(error, 'ipam.exhausted') && !hasCode(error, 'ipam.taken')) throw error
    if (!leases.makeSure()) throw error
    return pool.allocate(name, wish)
  }
}

function allocationOf({ address, pool }: Choice): Allocation {
  const range = pool.rangeOf(address)
  if (range === undefined) throw new RangeError(`${address} was taken from no range`)
  const text = formatInterfaceAddress(parseAddress(address), parsePrefix(range.prefix).length)
  return range.gateway === undefined ? { address: text } : { address: text, gateway: range.gateway }
}
