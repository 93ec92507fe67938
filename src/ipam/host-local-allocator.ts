import { type Clock, hasCode } from '../base/index.ts'
import { formatAddress, formatInterfaceAddress, parseAddress, parsePrefix } from '../ip/index.ts'
import { AddressPool } from './address-pool.ts'
import { alreadyHolds, onePerSet, outOfRange } from './errors.ts'
import type { HostLocalStore } from './host-local-store.ts'
import { type HostLocalHolder, type HostLocalLease, holderName } from './lease-file.ts'
import type { LockedLeases } from './locked-leases.ts'
import { type AddressRange, refuseOverlap } from './range.ts'

export interface HostLocalAllocatorOptions {
  /** Where the leases are kept. */
  readonly store: HostLocalStore
  /** One address is given out of each set. */
  readonly rangeSets: readonly (readonly AddressRange[])[]
  readonly clock: Clock
  /** 30 s; known to this process only, and cut short where an address is needed. */
  readonly cooldownMs?: number
}

/** What an attachment asks for. */
export interface AddressRequest {
  /** Addresses wanted, at most one of a set; the same one twice is one. */
  readonly addresses?: readonly string[]
  /** Who comes back under another container id and is to have the addresses again that it had; without spaces. */
  readonly sticky?: string
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
  /** Not the next one in turn. */
  readonly wished: boolean
}

/** Gives out addresses of one network's range sets, and keeps them where the reference plugin keeps them. */
export class HostLocalAllocator {
  private readonly store: HostLocalStore
  private readonly pools: readonly AddressPool[]
  private readonly listener = {
    added: (lease: HostLocalLease) => this.noteAdded(lease),
    removed: (address: string) => this.noteRemoved(address),
  }

  /** @throws what `AddressPool` throws, and IpamError `ipam.overlap` for sets that share addresses */
  constructor({ store, rangeSets, clock, cooldownMs = 30_000 }: HostLocalAllocatorOptions) {
    refuseOverlap(rangeSets.flat())
    this.store = store
    this.pools = rangeSets.map(ranges => new AddressPool({ ranges, clock, cooldownMs, restYields: true }))
    store.subscribe(this.listener)
  }

  /** Forgets the store, which may have other allocators. */
  close(): void {
    this.store.unsubscribe(this.listener)
  }

  /**
   * Takes one address of each range set, all or none, on disk when it returns.
   * @param use hears of them before they are on disk; if it throws none are taken, and it is called again if one of
   *   them proves to be somebody else's
   * @throws IpamError `ipam.exhausted`, `ipam.taken`, `ipam.out-of-range`, `ipam.one-per-set`, `ipam.store`
   */
  async allocate<T>(
    holder: HostLocalHolder,
    { addresses = [], sticky }: AddressRequest,
    use: (allocations: readonly Allocation[]) => T,
  ): Promise<T> {
    const wishes = this.assign(addresses)
    const name = sticky === undefined ? undefined : `${sticky} ${holder.ifName}`
    return this.store.locked(async leases => {
      const [present] = await leases.addressesOf(holder)
      if (present !== undefined) throw alreadyHolds(holderName(holder), present)
      try {
        for (;;) {
          const chosen = await this.choose(leases, holder, wishes, name)
          const result = use(chosen.map(allocationOf))
          if (await reserveAll(leases, holder, chosen, name)) return result
        }
      } catch (error) {
        // Never used, so no cooldown: a refused ADD must not eat the range.
        for (const pool of this.pools) pool.cancel(holderName(holder))
        throw error
      }
    })
  }

  /** Why nothing can be allocated now, in words; undefined if something can. */
  async fault(): Promise<string | undefined> {
    await this.store.catchUp()
    return this.pools.map(pool => pool.fault()).find(fault => fault !== undefined)
  }

  /** One address of each range set, in memory. */
  private async choose(
    leases: LockedLeases,
    holder: HostLocalHolder,
    wishes: ReadonlyMap<AddressPool, string>,
    name: string | undefined,
  ): Promise<readonly Choice[]> {
    const earlier = name === undefined ? [] : leases.sticky.addressesOf(name)
    const chosen: Choice[] = []
    for (const [rangeIndex, pool] of this.pools.entries()) {
      const wish = wishes.get(pool) ?? earlier.find(address => isFree(pool, address))
      const last = leases.lastReserved(rangeIndex)
      if (last !== undefined) pool.continueAfter(last)
      const address = await allocateSurely(leases, pool, holderName(holder), wish)
      chosen.push({ address, pool, rangeIndex, wished: wish !== undefined })
    }
    return chosen
  }

  /** Which pool each requested address is for. */
  private assign(requested: readonly string[]): Map<AddressPool, string> {
    const wishes = new Map<AddressPool, string>()
    for (const text of requested) {
      const address = formatAddress(parseAddress(text))
      const pool = this.poolOf(address)
      if (pool === undefined) throw outOfRange(address, 'the ranges of the network')
      const other = wishes.get(pool)
      if (other !== undefined && other !== address) throw onePerSet(other, address)
      wishes.set(pool, address)
    }
    return wishes
  }

  private poolOf(address: string): AddressPool | undefined {
    return this.pools.find(pool => pool.rangeOf(address) !== undefined)
  }

  private noteAdded({ address, holder }: HostLocalLease): void {
    const pool = this.poolOf(address)
    if (pool === undefined || pool.holderOf(address) !== undefined) return
    const name = holder === undefined ? SOMEBODY : holderName(holder)
    // Other programs may give a holder several addresses of a set; the pool wants one name for each.
    pool.restore(pool.addressOf(name) === undefined ? name : `${name} ${address}`, address)
  }

  private noteRemoved(address: string): void {
    const pool = this.poolOf(address)
    const holder = pool?.holderOf(address)
    if (pool !== undefined && holder !== undefined) pool.release(holder)
  }
}

const SOMEBODY = 'somebody else'

function isFree(pool: AddressPool, address: string): boolean {
  return pool.rangeOf(address) !== undefined && pool.holderOf(address) === undefined
}

/** Writes the leases. False if an address proves to be taken; then, or if it throws, none is the holder's. */
async function reserveAll(
  leases: LockedLeases,
  holder: HostLocalHolder,
  chosen: readonly Choice[],
  name: string | undefined,
): Promise<boolean> {
  const reserved: string[] = []
  const giveUp = () => {
    // Before its file goes, which would make it rest.
    for (const { pool } of chosen) pool.cancel(holderName(holder))
    leases.remove(reserved)
  }
  try {
    for (const { address, pool, rangeIndex, wished } of chosen) {
      // First the hint, then the lease: should the second fail, the first does no harm.
      if (!wished) leases.setLastReserved(rangeIndex, address)
      if (!(await leases.reserve(address, holder))) {
        giveUp()
        // There is a file that the index did not know, or something else of that name: not ours to give.
        pool.restore(`${SOMEBODY} ${address}`, address)
        return false
      }
      reserved.push(address)
    }
    if (name !== undefined) leases.sticky.remember(name, reserved)
    return true
  } catch (error) {
    giveUp()
    throw error
  }
}

/** An address that only seems to be taken may have been given back by another program a moment ago. */
async function allocateSurely(
  leases: LockedLeases,
  pool: AddressPool,
  name: string,
  wish: string | undefined,
): Promise<string> {
  try {
    return pool.allocate(name, wish)
  } catch (error) {
    if (!hasCode(error, 'ipam.exhausted') && !hasCode(error, 'ipam.taken')) throw error
    if (!(await leases.makeSure())) throw error
    return pool.allocate(name, wish)
  }
}

function allocationOf({ address, pool }: Choice): Allocation {
  const range = pool.rangeOf(address)
  if (range === undefined) throw new RangeError(`${address} was taken from no range`)
  const text = formatInterfaceAddress(parseAddress(address), parsePrefix(range.prefix).length)
  return range.gateway === undefined ? { address: text } : { address: text, gateway: range.gateway }
}
