import { lstatSync } from 'node:fs'
import { join } from 'node:path'
import type { Aside } from '../base/index.ts'
import { formatAddress, tryParseAddress } from '../ip/index.ts'
import { storeFailed } from './errors.ts'
import {
  formatHolder,
  type HostLocalHolder,
  type HostLocalLease,
  type NewFile,
  removeFile,
} from './lease-file.ts'
import type { LeaseIndex } from './lease-index.ts'
import type { StickyAddresses } from './sticky-addresses.ts'

export interface LockedLeasesOptions {
  readonly directory: string
  readonly index: LeaseIndex
  readonly sticky: StickyAddresses
  readonly createFile: NewFile
}

/** The leases of a network while the lock is held; not to be kept for later. */
export class LockedLeases {
  private readonly directory: string
  private readonly index: LeaseIndex
  private readonly createFile: NewFile
  readonly sticky: StickyAddresses

  constructor({ directory, index, sticky, createFile }: LockedLeasesOptions) {
    this.directory = directory
    this.index = index
    this.sticky = sticky
    this.createFile = createFile
  }

  all(): Iterable<HostLocalLease> {
    return this.index.leases()
  }

  get(address: string): HostLocalLease | undefined {
    return this.index.get(address)
  }

  /** Each file is looked at once more: somebody may have written into it, of which the directory tells nothing. */
  async addressesOf(holder: HostLocalHolder): Promise<string[]> {
    if (this.index.addressesOf(holder).length === 0) await this.index.makeSure()
    for (const address of this.index.addressesOf(holder)) this.index.look(address)
    return this.index.addressesOf(holder)
  }

  /** See `LeaseIndex.makeSure`. */
  makeSure(): Promise<boolean> {
    return this.index.makeSure()
  }

  /** Whatever the directory tells: for what is seldom asked, and must not be wrong. */
  lookAtAll(): Promise<void> {
    return this.index.lookAtAll()
  }

  /** There is no file of this name, and nothing else: the index may have missed something. @param address canonical text */
  isVacant(address: string): boolean {
    return lstatSync(join(this.directory, address), { throwIfNoEntry: false }) === undefined
  }

  /**
   * Begins to write the lease of a vacant address; nobody waits for the hint that goes with it.
   * @param rangeIndex of the range set whose turn it was
   */
  reserve(address: string, holder: HostLocalHolder, rangeIndex: number | undefined): Aside {
    const { isDone, done } = this.createFile(join(this.directory, address), formatHolder(holder))
    const note = async (): Promise<void> => {
      try {
        await done
      } catch (error) {
        throw storeFailed(this.directory, error)
      }
      this.index.wrote(address, holder, rangeIndex === undefined ? undefined : hintName(rangeIndex))
    }
    return { isDone, done: note() }
  }

  /** Deletes the leases of a holder. @returns their addresses */
  async release(holder: HostLocalHolder): Promise<string[]> {
    const addresses = await this.addressesOf(holder)
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
}

function hintName(rangeIndex: number): string {
  return `last_reserved_ip.${rangeIndex}`
}
