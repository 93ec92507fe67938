import { lstatSync } from 'node:fs'
import { join } from 'node:path'
import { DirectoryChanges, type DirectoryChangesOptions, settle } from '../base/index.ts'
import { errnoOf } from './errors.ts'
import {
  type HostLocalHolder,
  type HostLocalLease,
  holderName,
  isAddressName,
  namesIn,
  overwriteHint,
  parseHolder,
  readIfThere,
  removeFile,
} from './lease-file.ts'

/** Files between two breaths of the event loop: a few milliseconds. */
const BREATH = 100

/** A lease and what tells its file from a later one of the same name. */
interface Known {
  readonly lease: HostLocalLease
  readonly fingerprint: string
}

/** Hears of every lease that comes into the index or leaves it, whoever made it. */
export interface LeaseListener {
  added(lease: HostLocalLease): void
  removed(address: string): void
}

/**
 * What a host-local directory holds, in memory. Other programs change the directory too; the index looks again when
 * it has changed. To be used with the lock held, where nothing else is said.
 */
export class LeaseIndex {
  private readonly directory: string
  private readonly changes: DirectoryChanges
  private readonly listeners = new Set<LeaseListener>()
  private readonly known = new Map<string, Known>()
  /** Addresses by `holderName`: holders of files without interface name stand under the container id alone. */
  private readonly byHolder = new Map<string, Set<string>>()
  private readonly hints = new Map<string, string>()

  constructor(options: DirectoryChangesOptions) {
    this.directory = options.directory
    this.changes = new DirectoryChanges(options)
  }

  /** The listener hears of the present leases at once. May be called without the lock. */
  subscribe(listener: LeaseListener): void {
    this.listeners.add(listener)
    for (const lease of this.leases()) listener.added(lease)
  }

  unsubscribe(listener: LeaseListener): void {
    this.listeners.delete(listener)
  }

  get(address: string): HostLocalLease | undefined {
    return this.known.get(address)?.lease
  }

  *leases(): Iterable<HostLocalLease> {
    for (const { lease } of this.known.values()) yield lease
  }

  /** The holder's addresses; files that name the container alone count if no other does. */
  addressesOf(holder: HostLocalHolder): string[] {
    const exact = this.byHolder.get(holderName(holder))
    return [...(exact ?? this.byHolder.get(holder.containerId) ?? [])]
  }

  /** Nobody else has changed the directory since the last look. May be asked without the lock. */
  get isCurrent(): boolean {
    return this.changes.none
  }

  /** Catches up with other programs, if the directory has changed since the last look. */
  async refresh(): Promise<void> {
    if (!this.isCurrent) await this.lookAtAll()
  }

  /**
   * Catches up even with a change that bears the same time stamp as the one before it. For when the answer would be
   * that something is not there; to be called after `refresh`.
   * @returns false if there was nothing to catch up with
   */
  async makeSure(): Promise<boolean> {
    if (this.changes.certain) return false
    await this.lookAtAll()
    return true
  }

  /** After a change of our own: all that has happened to the directory so far is seen. */
  acknowledge(): void {
    this.changes.takeNote()
  }

  /**
   * A lease that we have written and that nobody else has touched yet. Its ADD may have been answered by now: that it
   * cannot be noted only means that the directory is read again.
   * @param hint the file that says that this address was the last one
   */
  wrote(address: string, holder: HostLocalHolder, hint: string | undefined): void {
    if (hint !== undefined) this.setHint(hint, address)
    try {
      const fingerprint = fingerprintOf(join(this.directory, address))
      if (fingerprint !== undefined) this.remember({ address, holder }, fingerprint)
      this.acknowledge()
    } catch {
      this.changes.forget()
    }
  }

  /** Reads one file again, unless it is the one that was read before. One that names nobody is removed. */
  look(address: string): void {
    const path = join(this.directory, address)
    const fingerprint = fingerprintOf(path)
    const known = this.known.get(address)
    // Whether a file may be read can change without a trace in it.
    if (known?.lease.holder !== undefined && known.fingerprint === fingerprint) return
    this.forget(address)
    if (fingerprint === undefined) return
    const content = readIfAllowed(path)
    if (content === undefined) return
    if (content === 'forbidden') return this.remember({ address }, fingerprint)
    const holder = parseHolder(content.text)
    // Nobody is about to write it: writers hold the lock, and we do.
    if (holder === undefined) removeFile(path)
    else this.remember({ address, holder }, fingerprint)
  }

  /** What is in a file that others write only together with a lease. */
  hint(name: string): string {
    const known = this.hints.get(name)
    if (known !== undefined) return known
    const content = readIfAllowed(join(this.directory, name))
    const text = content === undefined || content === 'forbidden' ? '' : content.text
    this.hints.set(name, text)
    return text
  }

  /** Without it the next one searches for longer, and no more: nothing fails for it. */
  private setHint(name: string, content: string): void {
    const before = this.hints.get(name)
    this.hints.delete(name)
    try {
      overwriteHint(this.directory, name, content, before)
      this.hints.set(name, content)
    } catch {}
  }

  forget(address: string): void {
    const known = this.known.get(address)
    if (known === undefined) return
    this.known.delete(address)
    const { holder } = known.lease
    if (holder !== undefined) {
      const addresses = this.byHolder.get(holderName(holder))
      addresses?.delete(address)
      if (addresses?.size === 0) this.byHolder.delete(holderName(holder))
    }
    for (const listener of this.listeners) listener.removed(address)
  }

  /** Reads the directory anew, with breaths of the event loop between. */
  async lookAtAll(): Promise<void> {
    // Before the look, so that what happens meanwhile without the lock is seen the next time.
    this.acknowledge()
    try {
      await this.readAll()
    } catch (error) {
      this.changes.forget()
      throw error
    }
  }

  private async readAll(): Promise<void> {
    this.hints.clear()
    const names = new Set(namesIn(this.directory))
    for (const address of this.known.keys()) if (!names.has(address)) this.forget(address)
    let looked = 0
    for (const name of names) {
      if (this.known.has(name) || isAddressName(name)) this.look(name)
      looked += 1
      if (looked % BREATH === 0) await settle()
    }
  }

  private remember(lease: HostLocalLease, fingerprint: string): void {
    this.known.set(lease.address, { lease, fingerprint })
    if (lease.holder !== undefined) {
      const name = holderName(lease.holder)
      const addresses = this.byHolder.get(name) ?? new Set()
      addresses.add(lease.address)
      this.byHolder.set(name, addresses)
    }
    for (const listener of this.listeners) listener.added(lease)
  }
}

/** Undefined for what is not there or no regular file. */
function fingerprintOf(path: string): string | undefined {
  const stat = lstatSync(path, { bigint: true, throwIfNoEntry: false })
  return stat?.isFile() ? `${stat.ino} ${stat.mtimeNs} ${stat.size}` : undefined
}

/** Undefined if there is no such file. */
function readIfAllowed(path: string): { readonly text: string } | 'forbidden' | undefined {
  try {
    const text = readIfThere(path)
    return text === undefined ? undefined : { text }
  } catch (error) {
    if (errnoOf(error) === 'EACCES') return 'forbidden'
    throw error
  }
}
