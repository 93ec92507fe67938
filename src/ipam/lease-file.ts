import {
  closeSync,
  constants,
  ftruncateSync,
  openSync,
  readdirSync,
  readFileSync,
  unlinkSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { type Aside, ifThere, PodlaceError } from '../base/index.ts'
import { formatAddress, tryParseAddress } from '../ip/index.ts'
import { errnoOf } from './errors.ts'

/** Who holds an address: one interface of one container. */
export interface HostLocalHolder {
  readonly containerId: string
  readonly ifName: string
}

/** Whom a lease file names. */
export interface LeaseHolder {
  readonly containerId: string
  /** Absent in files of plugins before 0.8, which wrote the container id alone. */
  readonly ifName?: string
}

/** One address file of the reference plugin `host-local`. */
export interface HostLocalLease {
  /** The name of the file. */
  readonly address: string
  /** Absent if the file may not be read: the reference plugin, run as root, makes them for root alone. */
  readonly holder?: LeaseHolder
}

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

/** A holder in one line. No two look the same: there is no slash in a container id. */
export function holderName({ containerId, ifName }: LeaseHolder): string {
  return ifName === undefined ? containerId : `${containerId}/${ifName}`
}

/**
 * The holder of a lease, whatever program wrote it; space around it means nothing, as in the plugin. Undefined if there is
 * nothing in it but space and zeros, which is what a crash or a loss of power leaves.
 */
export function parseHolder(content: string): LeaseHolder | undefined {
  const text = content.replaceAll('\0', '').trim()
  if (text === '') return undefined
  const end = text.indexOf(SEPARATOR)
  if (end < 0) return { containerId: text }
  return { containerId: text.slice(0, end), ifName: text.slice(end + SEPARATOR.length) }
}

/**
 * Makes a file that is not there, as `createFile` of the `sys` room does. A crash meanwhile may leave it empty, which is a
 * lease of nobody. It is not synced: a power failure ends the namespace that holds the address as well.
 */
export type NewFile = (path: string, content: string) => Aside

/**
 * Overwrites a file that is only a hint, in place: a crash may leave a mixture, which leads readers elsewhere. A new
 * file renamed over the old one would be whole, but ext4 then waits for the disk (measured: 1.1 ms).
 *
 * @param before what is in it, if that is known
 */
export function overwriteHint(
  directory: string,
  name: string,
  content: string,
  before: string | undefined,
): void {
  const fd = openHint(join(directory, name))
  try {
    writeSync(fd, content, 0)
    const length = Buffer.byteLength(content)
    if (before === undefined || Buffer.byteLength(before) > length) ftruncateSync(fd, length)
  } finally {
    closeSync(fd)
  }
}

/** One that is somebody else's makes room, as the owner of the directory may decide. */
function openHint(path: string): number {
  const open = () => openSync(path, constants.O_WRONLY | constants.O_CREAT, 0o600)
  try {
    return open()
  } catch (error) {
    if (errnoOf(error) !== 'EACCES') throw error
    removeFile(path)
    return open()
  }
}

/** Only canonical text: there is one file to an address. */
export function isAddressName(name: string): boolean {
  const address = tryParseAddress(name)
  return address !== undefined && formatAddress(address) === name
}

/** The content, or undefined if there is no such file. */
export function readIfThere(path: string): string | undefined {
  return ifThere(() => readFileSync(path, 'utf8'))
}

/** What is in a directory; nothing if there is none. */
export function namesIn(directory: string): readonly string[] {
  return ifThere(() => readdirSync(directory)) ?? []
}

/** @returns false if there was none */
export function removeFile(path: string): boolean {
  const removed = ifThere(() => {
    unlinkSync(path)
    return true
  })
  return removed ?? false
}
