import { lstatSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { writeAtomically } from '../atomic-file.ts'
import type { PluginType } from '../plugin-types.ts'
import { type Change, giveBack, keepAside, temporaryOf } from './change.ts'
import { explained } from './errors.ts'

/** What the shim says when it is run without CNI_COMMAND (native/shim/main.c): by that every version is known. */
const MARK = 'Podlace CNI plugin: relays'

/** The shim has some 20 KB; Go plugins have millions of bytes, which need not be searched. */
const MAX_SHIM_BYTES = 1 << 20

/** Executable by all, writable by none but its owner. */
const MODE = 0o755

export function isShim(bytes: Uint8Array): boolean {
  return bytes.length <= MAX_SHIM_BYTES && Buffer.from(bytes).includes(MARK)
}

/** What stands in a plugin's place: the very shim that is to be installed, another version of it, or another program. */
type Occupant = 'none' | 'same' | 'ours' | 'foreign'

/** `shim` is what it is compared with, `uid` who must own it. */
export function occupantOf(
  path: string,
  shim?: { readonly bytes: Uint8Array; readonly uid: number },
): Occupant {
  const facts = lstatSync(path, { throwIfNoEntry: false })
  if (facts === undefined) return 'none'
  // A link is somebody's arrangement, whatever it points to.
  if (!facts.isFile() || facts.size > MAX_SHIM_BYTES) return 'foreign'
  const bytes = readFileSync(path)
  if (!isShim(bytes)) return 'foreign'
  const isSame = shim !== undefined && facts.uid === shim.uid && (facts.mode & 0o7777) === MODE
  return isSame && bytes.equals(shim.bytes) ? 'same' : 'ours'
}

export interface PluginFilesOptions {
  readonly directory: string
  readonly shim: Uint8Array
  /** Who runs this, and shall own the files. */
  readonly uid: number
  /** Puts other programs aside instead of leaving them. */
  readonly force: boolean
}

/** Puts the shim in a plugin's place, in one step: a runtime that starts it meanwhile starts the old one or the new. */
export function installPlugin(type: PluginType, options: PluginFilesOptions): Change[] {
  const path = join(options.directory, type)
  const { shim: bytes, uid, force } = options
  return explained(`install ${path}`, () => {
    const occupant = occupantOf(path, { bytes, uid })
    if (occupant === 'same') return [{ path, did: 'unchanged' }]
    if (occupant === 'foreign' && !force) return [{ path, did: 'left' }]
    const aside = occupant === 'foreign' ? [keepAside(path)] : []
    writeAtomically(path, bytes, { mode: MODE, temporary: temporaryOf(path) })
    return [...aside, { path, did: occupant === 'ours' ? 'replaced' : 'installed' }]
  })
}

/** Takes the shim out of a plugin's place; what lay aside comes back. */
export function uninstallPlugin(type: PluginType, directory: string): Change[] {
  const path = join(directory, type)
  return explained(`uninstall ${path}`, () => {
    const occupant = occupantOf(path)
    if (occupant === 'none') return []
    if (occupant === 'foreign') return [{ path, did: 'left' }]
    return [giveBack(path)]
  })
}
