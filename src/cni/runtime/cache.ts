import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { errorText, hasCode, ifThere } from '../../base/index.ts'
import { writeAtomically } from '../atomic-file.ts'
import type { Attachment } from './attachment.ts'
import { type CacheEntry, decodeCacheEntry, encodeCacheEntry } from './cache-entry.ts'
import { runtimeError } from './errors.ts'

/** Which attachment of which network; what else an attachment has is not part of its identity. */
type Identity = Pick<Attachment, 'containerId' | 'ifName'>

/**
 * The results of ADDs in `<directory>/results/<network>-<container>-<interface>`, as libcni keeps them: programs that
 * use it find what we attached, and we what they did.
 */
export class AttachmentCache {
  private readonly directory: string

  constructor(directory: string) {
    this.directory = directory
  }

  /** Throws `cni.runtime.cache`. */
  write(entry: CacheEntry): void {
    const path = this.path(entry.network, entry.attachment)
    try {
      mkdirSync(this.results(), { recursive: true, mode: 0o700 })
      // Not in `results`, where every file counts as an attachment.
      const temporary = join(this.directory, `.${this.name(entry.network, entry.attachment)}.new`)
      writeAtomically(path, Buffer.from(encodeCacheEntry(entry)), { mode: 0o600, temporary })
    } catch (error) {
      throw cacheError(`write ${path}`, path, error)
    }
  }

  /** Undefined if there is none. Throws `cni.runtime.cache` for a file that cannot be read as one. */
  read(network: string, identity: Identity): CacheEntry | undefined {
    const path = this.path(network, identity)
    const entry = this.readFile(path)
    // Names may hold the dash that joins them, so that one file name can mean two attachments.
    const { attachment } = entry ?? {}
    const isIt = attachment?.containerId === identity.containerId && attachment.ifName === identity.ifName
    return entry?.network === network && isIt ? entry : undefined
  }

  /** All that can be read, of this network, by file name. */
  list(network: string): CacheEntry[] {
    const entries: CacheEntry[] = []
    for (const name of this.names()) {
      try {
        const entry = this.readFile(join(this.results(), name))
        if (entry?.network === network) entries.push(entry)
      } catch (error) {
        if (!hasCode(error, 'cni.runtime.cache')) throw error
      }
    }
    return entries
  }

  /** Throws `cni.runtime.cache`. */
  remove(network: string, identity: Identity): void {
    const path = this.path(network, identity)
    try {
      rmSync(path, { force: true })
    } catch (error) {
      throw cacheError(`remove ${path}`, path, error)
    }
  }

  private readFile(path: string): CacheEntry | undefined {
    try {
      const bytes = ifThere(() => readFileSync(path))
      return bytes && decodeCacheEntry(bytes, path)
    } catch (error) {
      throw cacheError(`read ${path}`, path, error)
    }
  }

  private names(): string[] {
    try {
      return ifThere(() => readdirSync(this.results()))?.sort() ?? []
    } catch (error) {
      throw cacheError(`list ${this.results()}`, this.results(), error)
    }
  }

  private results(): string {
    return join(this.directory, 'results')
  }

  private name(network: string, { containerId, ifName }: Identity): string {
    return `${network}-${containerId}-${ifName}`
  }

  private path(network: string, identity: Identity): string {
    return join(this.results(), this.name(network, identity))
  }
}

function cacheError(op: string, path: string, cause: unknown) {
  return runtimeError(op, `cannot ${op}: ${errorText(cause)}`, { code: 'cni.runtime.cache', path })
}
