import { closeSync, fchmodSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'

export interface AtomicWrite {
  /** Exactly this, whatever the umask. */
  readonly mode: number
  /** Where the bytes are first, on the same file system; what lies there is replaced. */
  readonly temporary: string
}

/**
 * Puts a whole new file in the place of `path`, synced: nobody ever sees half of it, also after a loss of power, and
 * a program that runs from the old file goes on. If a step fails, the old file stays and the temporary one goes.
 */
export function writeAtomically(path: string, bytes: Uint8Array, { mode, temporary }: AtomicWrite): void {
  rmSync(temporary, { force: true })
  try {
    const fd = openSync(temporary, 'wx', 0o600)
    try {
      writeWhole(fd, bytes)
      fchmodSync(fd, mode)
      fsyncSync(fd)
    } finally {
      closeSync(fd)
    }
    renameSync(temporary, path)
  } catch (error) {
    rmSync(temporary, { force: true })
    throw error
  }
  syncDirectory(dirname(path))
}

function writeWhole(fd: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at)
}

function syncDirectory(path: string): void {
  const fd = openSync(path, 'r')
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}
