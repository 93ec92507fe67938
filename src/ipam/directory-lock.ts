import { closeSync, constants, fstatSync, mkdirSync, openSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type Clock, PodlaceError, sleep } from '../base/index.ts'
import { errnoOf } from './errors.ts'

/** flock(2), as `sys` has it: false if somebody else holds the lock and `nonBlocking` is set. */
export type FileLock = (
  fd: number,
  operation: 'exclusive' | 'shared' | 'unlock',
  options: { readonly nonBlocking: boolean },
) => boolean

export interface DirectoryLockOptions {
  readonly flock: FileLock
  readonly clock: Clock
  /** How long to wait for another program; 10 s. */
  readonly timeoutMs?: number
}

const LONGEST_PAUSE_MS = 20

/**
 * Makes the directory if need be, and takes the lock that every user of a host-local directory takes: flock on its file `lock`. Waiting does not block
 * the process. The kernel gives the lock back if the process dies.
 * @returns a function that gives it back
 * @throws IpamError `ipam.store` (EWOULDBLOCK) when the time is up; errors of Node's for failing calls
 */
export async function lockDirectory(directory: string, options: DirectoryLockOptions): Promise<() => void> {
  const path = join(directory, 'lock')
  const deadline = options.clock.nowMs() + (options.timeoutMs ?? 10_000)
  for (let pauseMs = 1; ; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
    const fd = openLock(directory, path)
    let kept = false
    try {
      // The directory may have been removed and made anew meanwhile; then we hold the lock of nothing.
      if (options.flock(fd, 'exclusive', { nonBlocking: true }) && fstatSync(fd).nlink > 0) {
        kept = true
        return () => closeSync(fd)
      }
    } finally {
      if (!kept) closeSync(fd)
    }
    if (options.clock.nowMs() >= deadline) throw timedOut(path)
    await sleep(options.clock, pauseMs)
  }
}

function openLock(directory: string, path: string): number {
  const open = () => openSync(path, constants.O_RDONLY | constants.O_CREAT, 0o600)
  try {
    return open()
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error
    makeDirectory(directory)
    return open()
  }
}

/** Parents too. Node's own way says of a read-only disk that there is no such directory. */
function makeDirectory(path: string): void {
  const parent = dirname(path)
  if (statSync(parent, { throwIfNoEntry: false }) === undefined) makeDirectory(parent)
  try {
    mkdirSync(path, 0o755)
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error
  }
}

function timedOut(path: string): PodlaceError {
  const message = `another program keeps the lock ${path}; find it with "fuser ${path}", it may hang`
  return new PodlaceError('lock the leases', message, { code: 'ipam.store', path, errno: 'EWOULDBLOCK' })
}
