import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { type Clock, hasCode, Mutex, PodlaceError } from '../base/index.ts'
import { formatAddress, tryParseAddress } from '../ip/index.ts'
import { type FileLock, lockDirectory } from './directory-lock.ts'
import { errnoOf, storeFailed } from './errors.ts'
import {
  createNew,
  formatHolder,
  type HostLocalHolder,
  type HostLocalLease,
  removeFile,
} from './lease-file.ts'
import { LeaseIndex, type LeaseListener } from './lease-index.ts'

export interface HostLocalStoreOptions {
  /** The plugin's `dataDir`, by its default `/var/lib/cni/networks`. */
  readonly dataDir: string
  /** The name of the network: the directory below it. */
  readonly network: string
  /** `flockSync` of the `sys` room. */
  readonly flock: FileLock
  readonly clock: Clock
  /** Uniform in [0, 1). */
  readonly random: () => number
  /** How long to wait for another program's lock; 10 s. */
  readonly lockTimeoutMs?: number
  readonly listener?: LeaseListener
}

const NETWORK_NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]*$/
const IGNORE: LeaseListener = { added() {}, removed() {} }

/**
 * The leases of one network in the format of the reference plugin `host-local`, so that it and we can take turns on
 * one directory: a file per address (see `HostLocalLease`), `last_reserved_ip.<n>`, and `lock`. Unlike the plugin it
 * reads the directory only when another program has changed it, and a crash at any moment leaves no half lease.
 */
export class HostLocalStore {
  readonly directory: string
  private readonly options: HostLocalStoreOptions
  private readonly index: LeaseIndex
  private readonly turn = new Mutex()

  constructor(options: HostLocalStoreOptions) {
    if (!NETWORK_NAME.test(options.network)) {
      const message = `the network name ${JSON.stringify(options.network)} cannot be a directory: use letters, digits, _ . -`
      const payload = { code: 'ipam.store' as const, path: options.dataDir, errno: 'EINVAL' }
      throw new PodlaceError('open the leases', message, payload)
    }
    this.options = options
    this.directory = join(options.dataDir, options.network)
    const { clock, random, listener = IGNORE } = options
    this.index = new LeaseIndex({ directory: this.directory, clock, random, listener })
  }

  /**
   * Runs `task` with the lock held and the present leases; one task at a time.
   * @throws IpamError `ipam.store` for whatever the file system refuses
   */
  locked<T>(task: (leases: LockedLeases) => Promise<T> | T): Promise<T> {
    return this.turn.run(async () => {
      try {
        return await this.withLock(task)
      } catch (error) {
        // Errors of ours say already what to do; failed system calls are what needs words.
        if (hasCode(error, 'ipam') || errnoOf(error) === undefined) throw error
        throw storeFailed('keep the leases', this.directory, error)
      }
    })
  }

  /** False before the first lease of the network. */
  get exists(): boolean {
    return existsSync(this.directory)
  }

  private async withLock<T>(task: (leases: LockedLeases) => Promise<T> | T): Promise<T> {
    const { flock, clock, lockTimeoutMs = 10_000 } = this.options
    const unlock = await lockDirectory(this.directory, { flock, clock, timeoutMs: lockTimeoutMs })
    try {
      this.index.refresh()
      return await task(new LockedLeases(this.directory, this.index))
    } finally {
      unlock()
    }
  }
}

/** The leases while the lock is held; not to be kept for later. */
export class LockedLeases {
  private readonly directory: string
  private readonly index: LeaseIndex

  constructor(directory: string, index: LeaseIndex) {
    this.directory = directory
    this.index = index
  }

  all(): Iterable<HostLocalLease> {
    return this.index.leases()
  }

  get(address: string): HostLocalLease | undefined {
    return this.index.get(address)
  }

  /** Each file is looked at once more: somebody may have written into it, of which the directory tells nothing. */
  addressesOf(holder: HostLocalHolder): string[] {
    if (this.index.addressesOf(holder).length === 0) this.index.makeSure()
    for (const address of this.index.addressesOf(holder)) this.index.look(address)
    return this.index.addressesOf(holder)
  }

  /** See `LeaseIndex.makeSure`. */
  makeSure(): boolean {
    return this.index.makeSure()
  }

  /**
   * Writes a lease.
   * @param address canonical text
   * @returns false if the address has one
   */
  reserve(address: string, holder: HostLocalHolder): boolean {
    const made = createNew(join(this.directory, address), formatHolder(holder))
    // Otherwise the index has missed something, and perhaps not only this.
    if (!made) this.index.lookAtAll()
    else {
      this.index.wrote(address, holder)
      this.index.acknowledge()
    }
    return made
  }

  /** Deletes the leases of a holder. @returns their addresses */
  release(holder: HostLocalHolder): string[] {
    const addresses = this.addressesOf(holder)
    this.remove(addresses)
    return addresses
  }

  /** Deletes leases by address. */
  remove(addresses: readonly string[]): void {
    if (addresses.length === 0) return
    for (const address of addresses) removeFile(join(this.directory, address))
    for (const address of addresses) this.index.forget(address)
    this.index.acknowledge()
  }

  /** The address that range set number `rangeIndex` gave last, whoever gave it. */
  lastReserved(rangeIndex: number): string | undefined {
    const address = tryParseAddress(this.index.hint(hintName(rangeIndex)).trim())
    return address === undefined ? undefined : formatAddress(address)
  }

  setLastReserved(rangeIndex: number, address: string): void {
    this.index.setHint(hintName(rangeIndex), address)
  }
}

function hintName(rangeIndex: number): string {
  return `last_reserved_ip.${rangeIndex}`
}
