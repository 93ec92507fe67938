import { lstatSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { errorText } from '../../base/index.ts'
import { writeAtomically } from '../atomic-file.ts'
import { parseNetworkList } from '../runtime/index.ts'
import { type Change, giveBack, isThere, keepAside, temporaryOf } from './change.ts'
import { explained, installError } from './errors.ts'

/** A network list as a file of the configuration directory. */
export interface NetworkFile {
  /** `10-podlace.conflist` */
  readonly name: string
  readonly bytes: Uint8Array
}

/** The file that is ours by its name. */
export const NETWORK_FILE = '10-podlace.conflist'

/** A network of type `podlace`: its agent knows the rest. */
export function podlaceNetwork(name: string): NetworkFile {
  const list = { cniVersion: '1.1.0', name, plugins: [{ type: 'podlace' }] }
  return { name: NETWORK_FILE, bytes: Buffer.from(`${JSON.stringify(list, undefined, 2)}\n`) }
}

/** Throws `cni.install.bad-network` for a file that runtimes would pass over; what is in it is checked later. */
export function readNetworkFile(path: string): NetworkFile {
  const name = basename(path)
  if (/^[^.].*\.conflist$/.test(name))
    return { name, bytes: explained(`read ${path}`, () => readFileSync(path)) }
  const message = `${path} must be named *.conflist: by that runtimes know a network list`
  throw installError(`read ${path}`, message, { code: 'cni.install.bad-network', path })
}

/** The plugin types that a list names. Throws `cni.install.bad-network`. */
export function typesOf({ name, bytes }: NetworkFile): readonly string[] {
  try {
    return parseNetworkList(bytes, name).plugins.map(({ type }) => type)
  } catch (error) {
    throw installError(`read ${name}`, errorText(error), { code: 'cni.install.bad-network', path: name })
  }
}

/** Throws `cni.install.foreign` if another's list has the name and must stay. */
export function installNetwork(directory: string, file: NetworkFile, force: boolean): Change[] {
  const path = join(directory, file.name)
  return explained(`write ${path}`, () => {
    const before = lstatSync(path, { throwIfNoEntry: false })
    const isFile = before?.isFile() ?? false
    if (isFile && readFileSync(path).equals(file.bytes)) return [{ path, did: 'unchanged' }]
    const isForeign = before !== undefined && !(isFile && isOurs(path))
    if (isForeign && !force) throw refuse(path)
    const aside = isForeign ? [keepAside(path)] : []
    writeAtomically(path, file.bytes, { mode: 0o644, temporary: temporaryOf(path) })
    return [...aside, { path, did: before === undefined || isForeign ? 'installed' : 'replaced' }]
  })
}

export function uninstallNetwork(directory: string, name: string): Change[] {
  const path = join(directory, name)
  return explained(`remove ${path}`, () => (isThere(path) ? [giveBack(path)] : []))
}

/** By its name, or by a plugin that only we have. */
function isOurs(path: string): boolean {
  if (basename(path) === NETWORK_FILE) return true
  try {
    return parseNetworkList(readFileSync(path), path).plugins.some(({ type }) => type === 'podlace')
  } catch {
    return false
  }
}

function refuse(path: string) {
  const message = `${path} is another network's: --force keeps it aside, or choose another file name`
  return installError(`write ${path}`, message, { code: 'cni.install.foreign', paths: [path] })
}
