import { lstatSync, readdirSync, statSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock } from '../base/index.ts'
import { formatAddress, tryParseAddress } from '../ip/index.ts'
import { errnoOf } from './errors.ts'
import {
  formatHolder,
  type HostLocalHolder,
  type HostLocalLease,
  overwriteHint,
  parseLease,
  readIfThere,
  removeFile,
} from './lease-file.ts'

/** A lease and what tells its file from a later one of the same name. */
interface Known {
  readonly lease: HostLocalLease
  readonly fingerprint: string
}

/** Hears of every lease that comes into the index or leaves it, whoever made it. */
export interface LeaseListener {
  added(lease: HostLocalLease): void
  removed(lease: HostLocalLease): void
}

export interface LeaseIndexOptions {
  readonly directory: string
  readonly clock: Clock
  /** Uniform in [0, 1). */
  readonly random: () => number
  readonly listener: LeaseListener
}

/**
 * What a host-local directory holds, in memory. Other programs change the directory too; the index looks again when
 * the directory's time of change says so. To be used with the lock held.
 *
 * The kernel gives all changes of one timer tick the same time. So that one of another program never hides behind one
 * of ours, the index gives the directory a time of its own after each look: one in the past, which no change can have.
 */
export class LeaseIndex {
  private readonly directory: string
  private readonly clock: Clock
  private readonly random: () => number
  private readonly listener: LeaseListener
  private readonly known = new Map<string, Known>()
  /** Addresses by holder; holders of files without interface name stand under the container id alone. */
  private readonly byHolder = new Map<string, Set<string>>()
  private readonly hints = new Map<string, string>()
  private seenMtimeNs: bigint | undefined
  /** A change may go unseen: the directory is not ours to stamp, or its file system keeps coarser times. */
  private doubt = true

  constructor({ directory, clock, random, listener }: LeaseIndexOptions) {
    this.directory = directory
    this.clock = clock
    this.random = random
    this.listener = listener
  }

  get(address: string): HostLocalLease | undefined {
    return this.known.get(address)?.lease
  }

  *leases(): Iterable<HostLocalLease> {
    for (const { lease } of this.known.values()) yield lease
  }

  /** The holder's addresses; files that name the container alone count if no other does. */
  addressesOf(holder: HostLocalHolder): string[] {
    const exact = this.byHolder.get(formatHolder(holder))
    return [...(exact ?? this.byHolder.get(holder.containerId) ?? [])]
  }

  /** Catches up with other programs, if the directory has changed since the last look. */
  refresh(): void {
    if (this.mtimeNs() !== this.seenMtimeNs) this.lookAtAll()
  }

  /**
   * Catches up even with a change that bears the same time stamp as the one before it. For when the answer would be
   * that something is not there.
   * @returns false if there was nothing to catch up with
   */
  makeSure(): boolean {
    if (!this.doubt && this.mtimeNs() === this.seenMtimeNs) return false
    this.lookAtAll()
    return true
  }

  /** After a change of our own: all that has happened to the directory so far is seen. */
  acknowledge(): void {
    const stamp = this.clock.wallMs() / 1000 - 1 - this.random()
    const stamped = this.setMtime(stamp)
    this.seenMtimeNs = this.mtimeNs()
    this.doubt = !stamped || Math.abs(Number(this.seenMtimeNs ?? 0n) / 1e9 - stamp) > 1e-5
  }

  /** A lease that we have written and that nobody else has touched yet. */
  wrote(address: string, holder: HostLocalHolder): void {
    const fingerprint = fingerprintOf(join(this.directory, address))
    if (fingerprint !== undefined) this.remember({ address, ...holder }, fingerprint)
  }

  /** Reads one file again. An empty one is what a crash between creating and writing leaves: it is removed. */
  look(address: string): HostLocalLease | undefined {
    const path = join(this.directory, address)
    const fingerprint = fingerprintOf(path)
    if (fingerprint === undefined) return this.forget(address)
    const known = this.known.get(address)
    if (known?.fingerprint === fingerprint) return known.lease
    const content = readIfThere(path)
    this.forget(address)
    if (content === undefined) return undefined
    if (content.trim() === '') {
      // Nobody is about to write it: writers hold the lock, and we do.
      removeFile(path)
      return undefined
    }
    return this.remember(parseLease(address, content), fingerprint)
  }

  /** What is in a file that others write only together with a lease. */
  hint(name: string): string {
    const known = this.hints.get(name)
    if (known !== undefined) return known
    const content = readIfThere(join(this.directory, name)) ?? ''
    this.hints.set(name, content)
    return content
  }

  setHint(name: string, content: string): void {
    overwriteHint(this.directory, name, content, this.hints.get(name))
    this.hints.set(name, content)
  }

  forget(address: string): undefined {
    const known = this.known.get(address)
    if (known === undefined) return
    this.known.delete(address)
    const key = keyOf(known.lease)
    const addresses = this.byHolder.get(key)
    addresses?.delete(address)
    if (addresses?.size === 0) this.byHolder.delete(key)
    this.listener.removed(known.lease)
  }

  private remember(lease: HostLocalLease, fingerprint: string): HostLocalLease {
    this.known.set(lease.address, { lease, fingerprint })
    const key = keyOf(lease)
    const addresses = this.byHolder.get(key) ?? new Set()
    addresses.add(lease.address)
    this.byHolder.set(key, addresses)
    this.listener.added(lease)
    return lease
  }

  /** Reads the directory anew. */
  lookAtAll(): void {
    this.hints.clear()
    const names = new Set(namesIn(this.directory))
    for (const address of this.known.keys()) if (!names.has(address)) this.forget(address)
    for (const name of names) if (isAddressName(name)) this.look(name)
    this.acknowledge()
  }

  private mtimeNs(): bigint | undefined {
    return statSync(this.directory, { bigint: true, throwIfNoEntry: false })?.mtimeNs
  }

  /** @returns false where it is not allowed: only a file's owner may give it any time */
  private setMtime(seconds: number): boolean {
    try {
      utimesSync(this.directory, seconds, seconds)
      return true
    } catch {
      return false
    }
  }
}

function keyOf({ containerId, ifName }: HostLocalLease): string {
  return ifName === undefined ? containerId : formatHolder({ containerId, ifName })
}

/** Undefined for what is not there or no regular file. */
function fingerprintOf(path: string): string | undefined {
  const stat = lstatSync(path, { bigint: true, throwIfNoEntry: false })
  return stat?.isFile() ? `${stat.ino} ${stat.mtimeNs} ${stat.size}` : undefined
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory)
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return []
    throw error
  }
}

/** Only canonical text: there is one file to an address. */
function isAddressName(name: string): boolean {
  const address = tryParseAddress(name)
  return address !== undefined && formatAddress(address) === name
}
