import type { Clock } from '../base/index.ts'
import { type Address, formatAddress, parseAddress } from '../ip/index.ts'
import { alreadyHolds, cooling, exhausted, type IpamError, outOfRange, takenBy, tooSmall } from './errors.ts'
import { type AddressRange, type Span, spansOf } from './range.ts'
import { SparseSet } from './sparse-set.ts'

export interface AddressPoolOptions {
  /** One or more, disjoint; usually of one family, then the pool hands out that family. */
  readonly ranges: readonly AddressRange[]
  readonly clock: Clock
  /** How long a released address rests, so that late packets and conntrack entries miss its next owner; 30 s. */
  readonly cooldownMs?: number
  /** A resting address is given out all the same if it is asked for by name, or if no other is left. */
  readonly restYields?: boolean
}

/** A span and the number of its first address when all addresses of the pool are counted through from 0. */
interface Placed extends Span {
  readonly base: bigint
}

/**
 * Hands out addresses, one to a holder, round robin: from the one after the last handed out, around the end, so that
 * an address rests as long as possible. The cost of a call depends neither on the size of the pool nor on how many
 * addresses are held. Memory only; what outlives a restart is given back by `restore`.
 */
export class AddressPool {
  private readonly clock: Clock
  private readonly cooldownMs: number
  private readonly restYields: boolean
  private readonly spans: readonly Placed[]
  /** Numbers of addresses that are held or cooling. */
  private readonly used: SparseSet
  private readonly holders = new Map<string, string>()
  private readonly addresses = new Map<string, string>()
  /** Address to the end of its cooldown; the earliest first, since all cool equally long. */
  private readonly resting = new Map<string, number>()
  private next = 0n

  /** @throws IpamError `ipam.too-small`, `ipam.out-of-range`, `ipam.overlap`; IpError for malformed text */
  constructor(options: AddressPoolOptions) {
    this.clock = options.clock
    this.cooldownMs = options.cooldownMs ?? 30_000
    this.restYields = options.restYields ?? false
    const placed: Placed[] = []
    let base = 0n
    for (const span of spansOf(options.ranges)) {
      placed.push({ ...span, base })
      base += span.last - span.first + 1n
    }
    if (placed.length === 0) throw tooSmall('a pool without ranges')
    this.spans = placed
    this.used = new SparseSet(base)
  }

  /** How many addresses it could hand out if none were held. */
  get total(): bigint {
    return this.used.size
  }

  get held(): number {
    return this.holders.size
  }

  /**
   * Takes the next free address, or exactly `requested`.
   * @param holder names the owner; who holds an address already gets no second one
   * @throws IpamError `ipam.exhausted`, `ipam.taken`, `ipam.out-of-range`
   */
  allocate(holder: string, requested?: string): string {
    const present = this.addresses.get(holder)
    if (present !== undefined) throw alreadyHolds(holder, present)
    this.endCooldowns()
    const number = requested === undefined ? this.nextFree() : this.admit(requested)
    const address = this.addressAt(number)
    this.used.add(number)
    this.resting.delete(address)
    this.record(holder, address)
    // A request does not move the hand: it says nothing about what has rested longest.
    if (requested === undefined) this.next = (number + 1n) % this.total
    return address
  }

  /**
   * Records an allocation made earlier, also one outside the present ranges (the configuration may have changed).
   * @throws IpamError `ipam.taken` if somebody else holds the address or the holder another one
   */
  restore(holder: string, address: string): void {
    const parsed = parseAddress(address)
    const text = formatAddress(parsed)
    const present = this.holders.get(text)
    if (present === holder) return
    if (present !== undefined) throw takenBy(text, present)
    const other = this.addresses.get(holder)
    if (other !== undefined) throw alreadyHolds(holder, other)
    const number = this.numberOf(parsed)
    if (number !== undefined) this.used.add(number)
    this.resting.delete(text)
    this.record(holder, text)
  }

  /** Gives back what `holder` has; it rests before its next use. @returns the address, if there was one */
  release(holder: string): string | undefined {
    const address = this.addresses.get(holder)
    if (address === undefined) return undefined
    this.addresses.delete(holder)
    this.holders.delete(address)
    if (this.numberOf(parseAddress(address)) !== undefined) {
      this.resting.set(address, this.clock.nowMs() + this.cooldownMs)
    }
    return address
  }

  /** Undoes an allocation that was never used: no cooldown. */
  cancel(holder: string): void {
    const address = this.release(holder)
    const number = address === undefined ? undefined : this.numberOf(parseAddress(address))
    if (address === undefined || number === undefined) return
    this.resting.delete(address)
    this.used.delete(number)
  }

  /** Why `allocate` would fail now, in words. */
  fault(): string | undefined {
    this.endCooldowns()
    return this.findFree() === undefined ? this.exhaustion().message : undefined
  }

  holderOf(address: string): string | undefined {
    return this.holders.get(address)
  }

  addressOf(holder: string): string | undefined {
    return this.addresses.get(holder)
  }

  /** Address and holder of everything held. */
  entries(): Iterable<[string, string]> {
    return this.holders.entries()
  }

  /** The range that an address of the pool belongs to. */
  rangeOf(address: string): AddressRange | undefined {
    return this.spanOf(parseAddress(address))?.range
  }

  /** Lets the round go on after `address`, as after a restart; an address that is none of the pool changes nothing. */
  continueAfter(address: string): void {
    const number = this.numberOf(parseAddress(address))
    if (number !== undefined) this.next = (number + 1n) % this.total
  }

  private nextFree(): bigint {
    const number = this.findFree()
    if (number === undefined) throw this.exhaustion()
    return number
  }

  private findFree(): bigint | undefined {
    const number = this.used.nextAbsent(this.next) ?? this.used.nextAbsent(0n)
    if (number !== undefined || !this.restYields) return number
    const [restedLongest] = this.resting.keys()
    return restedLongest === undefined ? undefined : this.numberOf(parseAddress(restedLongest))
  }

  private exhaustion(): IpamError {
    const [earliest] = this.resting.values()
    return exhausted(this.describe(), {
      total: this.total,
      held: this.held,
      cooling: this.resting.size,
      nextFreeMs: earliest === undefined ? undefined : earliest - this.clock.nowMs(),
    })
  }

  private admit(requested: string): bigint {
    const parsed = parseAddress(requested)
    const address = formatAddress(parsed)
    const holder = this.holders.get(address)
    if (holder !== undefined) throw takenBy(address, holder)
    const number = this.numberOf(parsed)
    if (number === undefined) throw outOfRange(address, this.describe())
    const end = this.resting.get(address)
    if (end !== undefined && !this.restYields) throw cooling(address, end - this.clock.nowMs())
    return number
  }

  private endCooldowns(): void {
    const now = this.clock.nowMs()
    for (const [address, end] of this.resting) {
      if (end > now) return
      this.resting.delete(address)
      const number = this.numberOf(parseAddress(address))
      if (number !== undefined) this.used.delete(number)
    }
  }

  private record(holder: string, address: string): void {
    this.holders.set(address, holder)
    this.addresses.set(holder, address)
  }

  private addressAt(number: bigint): string {
    const span = this.spans.findLast(candidate => candidate.base <= number)
    if (span === undefined) throw new RangeError(`no address has the number ${number}`)
    return formatAddress({ family: span.family, value: span.first + (number - span.base) })
  }

  private numberOf(address: Address): bigint | undefined {
    const span = this.spanOf(address)
    return span === undefined ? undefined : span.base + (address.value - span.first)
  }

  private spanOf({ family, value }: Address): Placed | undefined {
    return this.spans.find(span => span.family === family && span.first <= value && value <= span.last)
  }

  private describe(): string {
    return [...new Set(this.spans.map(span => span.range.prefix))].join(', ')
  }
}
