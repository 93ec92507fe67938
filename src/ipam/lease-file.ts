import {
  closeSync,
  constants,
  ftruncateSync,
  linkSync,
  openSync,
  readFileSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { PodlaceError } from '../base/index.ts'
import { errnoOf } from './errors.ts'

/** Who holds an address: one interface of one container. */
export interface HostLocalHolder {
  readonly containerId: string
  readonly ifName: string
}

/** One address file of the reference plugin `host-local`. */
export interface HostLocalLease {
  /** The name of the file. */
  readonly address: string
  readonly containerId: string
  /** Absent in files of plugins before 0.8, which wrote the container id alone. */
  readonly ifName?: string
}

/** Where a new file is written before it gets its name. One is enough: whoever writes holds the lock. */
export const UNFINISHED = '.podlace-unfinished'
const SEPARATOR = '\r\n'

/** The content of a lease file: `containerID CRLF ifname`, without a newline at the end. */
export function formatHolder({ containerId, ifName }: HostLocalHolder): string {
  for (const part of [containerId, ifName]) {
    if (part === '' || part.trim() !== part || /[\r\n]/.test(part)) {
      const message = `${JSON.stringify(part)} cannot be written to a lease: it is empty or has spaces or line ends`
      throw new PodlaceError('name a holder', message, { code: 'ipam.store', path: '', errno: 'EINVAL' })
    }
  }
  return containerId + SEPARATOR + ifName
}

/** The reverse, for whatever other programs may have written; space around it means nothing, as in the plugin. */
export function parseLease(address: string, content: string): HostLocalLease {
  const text = content.trim()
  const end = text.indexOf(SEPARATOR)
  if (end < 0) return { address, containerId: text }
  return { address, containerId: text.slice(0, end), ifName: text.slice(end + SEPARATOR.length) }
}

/**
 * Makes a file appear with its whole content or not at all, whenever this process dies: written under another name,
 * then linked. It is not synced: a power failure ends the namespace that holds the address as well, and a file that
 * it leaves empty is a lease of nobody.
 * @returns false if there is a file of that name; nothing is left in any other case either
 */
export function createWhole(directory: string, name: string, content: string): boolean {
  const unfinished = join(directory, UNFINISHED)
  const path = join(directory, name)
  let linked = false
  try {
    writeNew(unfinished, content)
    // link(2), unlike rename(2), never replaces what somebody else has made.
    linkSync(unfinished, path)
    linked = true
    unlinkSync(unfinished)
    return true
  } catch (error) {
    removeFile(unfinished)
    if (linked) removeFile(path)
    if (!linked && errnoOf(error) === 'EEXIST') return false
    throw error
  }
}

/** What a crash has left of the name may be a second name of a finished lease, so it is never opened, only removed. */
function writeNew(path: string, content: string): void {
  const write = () => writeFileSync(path, content, { mode: 0o600, flag: 'wx' })
  try {
    write()
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error
    removeFile(path)
    write()
  }
}

/**
 * Overwrites a file that is only a hint, in place: a crash may leave a mixture, which readers take for no hint. A new
 * file renamed over the old one would be whole, but ext4 then waits for the disk (measured: 1.1 ms).
 */
export function overwriteHint(directory: string, name: string, content: string): void {
  const fd = openSync(join(directory, name), constants.O_WRONLY | constants.O_CREAT, 0o600)
  try {
    writeSync(fd, content, 0)
    ftruncateSync(fd, Buffer.byteLength(content))
  } finally {
    closeSync(fd)
  }
}

/** The content, or undefined if there is no such file. */
export function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined
    throw error
  }
}

/** @returns false if there was none */
export function removeFile(path: string): boolean {
  try {
    unlinkSync(path)
    return true
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false
    throw error
  }
}
