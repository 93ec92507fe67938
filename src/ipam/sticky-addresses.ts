import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { errnoOf } from './errors.ts'
import { isAddressName, namesIn, overwriteHint, readIfThere, removeFile } from './lease-file.ts'

/**
 * Who had which address last, so that a pod that comes back under its name finds it again: a file per address that holds
 * the name. There are never more than addresses, since the next owner's name takes the place of the last one's. To be used
 * with the lock of the leases held.
 *
 * The files lie in a directory below that of the leases, which the reference plugin walks through as well. It takes
 * notice of files that hold a container id and nothing else, or line ends behind one: names have a space in them.
 */
export class StickyAddresses {
  private readonly directory: string
  /** Undefined before the first use. */
  private known:
    | { readonly names: Map<string, string>; readonly addresses: Map<string, Set<string>> }
    | undefined

  /** @param leases the directory of the leases */
  constructor(leases: string) {
    this.directory = join(leases, 'sticky')
  }

  addressesOf(name: string): readonly string[] {
    return [...(this.read().addresses.get(name) ?? [])]
  }

  /** From now on these are the name's addresses, and no others. Nothing is written if they were before. */
  remember(name: string, addresses: readonly string[]): void {
    const { names } = this.read()
    for (const address of addresses) {
      const before = names.get(address)
      if (before === name) continue
      this.write(address, name, before)
      this.forget(address)
      this.note(address, name)
    }
    for (const address of this.addressesOf(name)) {
      if (addresses.includes(address)) continue
      removeFile(join(this.directory, address))
      this.forget(address)
    }
  }

  private read() {
    if (this.known !== undefined) return this.known
    this.known = { names: new Map(), addresses: new Map() }
    for (const address of namesIn(this.directory).filter(isAddressName)) {
      const name = readIfThere(join(this.directory, address))?.trim() ?? ''
      if (name !== '') this.note(address, name)
    }
    return this.known
  }

  private write(address: string, name: string, before: string | undefined): void {
    const write = () => overwriteHint(this.directory, address, name, before)
    try {
      write()
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw error
      mkdirSync(this.directory, { recursive: true, mode: 0o755 })
      write()
    }
  }

  private note(address: string, name: string): void {
    const { names, addresses } = this.read()
    names.set(address, name)
    addresses.set(name, (addresses.get(name) ?? new Set()).add(address))
  }

  private forget(address: string): void {
    const { names, addresses } = this.read()
    const name = names.get(address)
    if (name === undefined) return
    names.delete(address)
    const left = addresses.get(name)
    left?.delete(address)
    if (left?.size === 0) addresses.delete(name)
  }
}
