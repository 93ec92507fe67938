import { type Aside, type Clock, hasCode } from '../base/index.ts'
import { formatAddress, formatInterfaceAddress, parseAddress, parsePrefix } from '../ip/index.ts'
import { AddressPool } from './address-pool.ts'
import { alreadyHolds, onePerSet, outOfRange } from './errors.ts'
import type { Begun, HostLocalStore } from './host-local-store.ts'
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

/** Addresses that were taken. They are on disk when they are `kept`; if that fails, none is the holder's. */
export interface Allocated<T> extends Begun {
  /** What came of them. */
  readonly result: T
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
   * Takes one address of each range set, all or none, and begins to write them to disk.
   * @param use hears of them before that; if it throws none are taken
   * @throws IpamError `ipam.exhausted`, `ipam.taken`, `ipam.out-of-range`, `ipam.one-per-set`, `ipam.store`
   */
  async allocate<T>(
    holder: HostLocalHolder,
    { addresses = [], sticky }: AddressRequest,
    use: (allocations: readonly Allocation[]) => T,
  ): Promise<Allocated<T>> {
    const wishes = this.assign(addresses)
    const name = sticky === undefined ? undefined : `${sticky} ${holder.ifName}`
    return this.store.begin(async leases => {
      const [present] = await leases.addressesOf(holder)
      if (present !== undefined) throw alreadyHolds(holderName(holder), present)
      try {
        const chosen = await this.chooseVacant(leases, holder, wishes, name)
        const result = use(chosen.map(allocationOf))
        return { result, kept: this.reserveAll(leases, holder, chosen, name) }
      } catch (error) {
        this.cancel(holder)
        throw error
      }
    })
  }

  /** Why nothing can be allocated now, in words; undefined if something can. */
  async fault(): Promise<string | undefined> {
    await this.store.catchUp()
    return this.pools.map(pool => pool.fault()).find(fault => fault !== undefined)
  }

  /** One address of each range set, in memory, of which there is nothing on disk. */
  private async chooseVacant(...about: Parameters<HostLocalAllocator['choose']>): Promise<readonly Choice[]> {
    const [leases, holder] = about
    for (;;) {
      const chosen = await this.choose(...about)
      const taken = chosen.find(({ address }) => !leases.isVacant(address))
      if (taken === undefined) return chosen
      this.cancel(holder)
      // The index has missed something, and perhaps not only this.
      await leases.lookAtAll()
      const { address, pool } = taken
      // What is no lease is not ours to give either.
      if (isFree(pool, address)) pool.restore(`${SOMEBODY} ${address}`, address)
    }
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

  /** Begins to write the leases. If one cannot be written none is the holder's. */
  private reserveAll(
    leases: LockedLeases,
    holder: HostLocalHolder,
    chosen: readonly Choice[],
    name: string | undefined,
  ): Aside {
    const addresses = chosen.map(({ address }) => address)
    if (name !== undefined) leases.sticky.remember(name, addresses)
    const reserved = chosen.map(({ address, rangeIndex, wished }) =>
      leases.reserve(address, holder, wished ? undefined : rangeIndex),
    )
    return {
      isDone: () => reserved.every(({ isDone }) => isDone()),
      done: this.allOrNone(leases, holder, reserved),
    }
  }

  private async allOrNone(
    leases: LockedLeases,
    holder: HostLocalHolder,
    reserved: readonly Aside[],
  ): Promise<void> {
    const outcomes = await Promise.allSettled(reserved.map(({ done }) => done))
    const refused = outcomes.find(({ status }) => status === 'rejected')
    if (refused?.status !== 'rejected') return
    // Before the files go, which would make the addresses rest.
    this.cancel(holder)
    await leases.lookAtAll()
    await leases.release(holder)
    throw refused.reason
  }

  /** Never used, so no cooldown: a refused ADD must not eat the range. */
  private cancel(holder: HostLocalHolder): void {
    for (const pool of this.pools) pool.cancel(holderName(holder))
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
