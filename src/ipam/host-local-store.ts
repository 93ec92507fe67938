import { statSync } from 'node:fs'
import { join } from 'node:path'
import { type Aside, type Clock, hasCode, Mutex, PodlaceError } from '../base/index.ts'
import { type FileLock, lockDirectory } from './directory-lock.ts'
import { errnoOf, storeFailed, unreadable } from './errors.ts'
import type { HostLocalHolder, HostLocalLease, LeaseHolder, NewFile } from './lease-file.ts'
import { LeaseIndex, type LeaseListener } from './lease-index.ts'
import { LockedLeases } from './locked-leases.ts'
import { StickyAddresses } from './sticky-addresses.ts'

export interface HostLocalStoreOptions {
  /** The plugin's `dataDir`, by its default `/var/lib/cni/networks`. */
  readonly dataDir: string
  /** The name of the network: the directory below it. */
  readonly network: string
  /** `flockSync` of the `sys` room. */
  readonly flock: FileLock
  /** `createFile` of the `sys` room. */
  readonly createFile: NewFile
  readonly clock: Clock
  /** Uniform in [0, 1). */
  readonly random: () => number
  /** How long to wait for another program's lock; 10 s. */
  readonly lockTimeoutMs?: number
}

/** What is being written to a directory of leases. */
export interface Begun {
  /** It is there. */
  readonly kept: Aside
}

const NETWORK_NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]*$/

/**
 * The leases of one network in the format of the reference plugin `host-local`, so that it and we can take turns on
 * one directory: a file per address (see `HostLocalLease`), `last_reserved_ip.<n>`, and `lock`. Unlike the plugin it
 * reads the directory only when another program has changed it, and a crash at any moment leaves no half lease.
 */
export class HostLocalStore {
  readonly directory: string
  private readonly options: HostLocalStoreOptions
  private readonly index: LeaseIndex
  private readonly sticky: StickyAddresses
  private readonly turn = new Mutex()

  constructor(options: HostLocalStoreOptions) {
    if (!NETWORK_NAME.test(options.network)) {
      const message = `the network name ${JSON.stringify(options.network)} cannot be a directory: use letters, digits, _ . -`
      const payload = { code: 'ipam.store' as const, path: options.dataDir, errno: 'EINVAL' }
      throw new PodlaceError('open the leases', message, payload)
    }
    this.options = options
    this.directory = join(options.dataDir, options.network)
    const { clock, random } = options
    this.index = new LeaseIndex({ directory: this.directory, clock, random })
    this.sticky = new StickyAddresses(this.directory)
  }

  /** Tells of the leases it knows, at once, and of what becomes of them. */
  subscribe(listener: LeaseListener): void {
    this.index.subscribe(listener)
  }

  unsubscribe(listener: LeaseListener): void {
    this.index.unsubscribe(listener)
  }

  /** Gives back whatever the holder has; nothing is no error. @returns the addresses */
  release(holder: HostLocalHolder): Promise<readonly string[]> {
    return this.ifThere([], leases => leases.release(holder))
  }

  /** The holder's addresses. */
  addressesOf(holder: HostLocalHolder): Promise<readonly string[]> {
    return this.ifThere([], leases => leases.addressesOf(holder))
  }

  /**
   * Gives back what all holders have that `keep` refuses.
   * @returns the leases that went
   * @throws IpamError `ipam.store` (EACCES) at the end if there are leases that must not be read; they stay
   */
  collect(keep: (holder: LeaseHolder) => boolean): Promise<readonly HostLocalLease[]> {
    return this.ifThere([], async leases => {
      await leases.lookAtAll()
      const stale = [...leases.all()].filter(({ holder }) => holder !== undefined && !keep(holder))
      leases.remove(stale.map(lease => lease.address))
      const sealed = [...leases.all()].find(({ holder }) => holder === undefined)
      if (sealed !== undefined) throw unreadable(join(this.directory, sealed.address))
      return stale
    })
  }

  /** Sees what other programs have done; one system call if they have done nothing. */
  async catchUp(): Promise<void> {
    if (!this.inWords(() => this.index.isCurrent)) await this.locked(() => undefined)
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
        throw this.explained(error)
      }
    })
  }

  /** The same, for what goes on beside: resolves when that has begun, and keeps the lock until it is done. */
  begin<T extends Begun>(task: (leases: LockedLeases) => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.locked(async leases => {
        const begun = await task(leases)
        resolve(begun)
        await begun.kept.done.catch(() => undefined)
      }).catch(reject)
    })
  }

  private async withLock<T>(task: (leases: LockedLeases) => Promise<T> | T): Promise<T> {
    const { flock, createFile, clock, lockTimeoutMs = 10_000 } = this.options
    const unlock = await lockDirectory(this.directory, { flock, clock, timeoutMs: lockTimeoutMs })
    try {
      await this.index.refresh()
      const { directory, index, sticky } = this
      return await task(new LockedLeases({ directory, index, sticky, createFile }))
    } finally {
      unlock()
    }
  }

  /** Before the first lease of the network there is no directory, and none is made for reading it. */
  private async ifThere<T>(otherwise: T, task: (leases: LockedLeases) => Promise<T>): Promise<T> {
    const isThere = this.inWords(() => statSync(this.directory, { throwIfNoEntry: false }) !== undefined)
    return isThere ? this.locked(task) : otherwise
  }

  private inWords<T>(ask: () => T): T {
    try {
      return ask()
    } catch (error) {
      throw this.explained(error)
    }
  }

  /** Errors of ours say already what to do; failed system calls are what needs words. */
  private explained(error: unknown): unknown {
    if (hasCode(error, 'ipam') || errnoOf(error) === undefined) return error
    return storeFailed(this.directory, error)
  }
}
