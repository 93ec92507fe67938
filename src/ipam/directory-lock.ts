import { closeSync, constants, fstatSync, openSync, statSync } from 'node:fs'
import { join } from 'node:path'
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
 * Takes the lock that every user of a host-local directory takes: flock on its file `lock`. Waiting does not block
 * the process. The kernel gives the lock back if the process dies.
 * @returns a function that gives it back
 * @throws IpamError `ipam.store` (EWOULDBLOCK) when the time is up; errors of Node's for failing calls
 */
export async function lockDirectory(directory: string, options: DirectoryLockOptions): Promise<() => void> {
  const path = join(directory, 'lock')
  const deadline = options.clock.nowMs() + (options.timeoutMs ?? 10_000)
  for (let pauseMs = 1; ; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
    const fd = openSync(path, constants.O_RDONLY | constants.O_CREAT, 0o600)
    let kept = false
    try {
      if (options.flock(fd, 'exclusive', { nonBlocking: true }) && isStillThere(path, fd)) {
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

/** The directory may have been removed and made anew while we waited; then we hold the lock of nothing. */
function isStillThere(path: string, fd: number): boolean {
  try {
    return statSync(path).ino === fstatSync(fd).ino
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false
    throw error
  }
}

function timedOut(path: string): PodlaceError {
  const message = `another program keeps the lock ${path}; find it with "fuser ${path}", it may hang`
  return new PodlaceError('lock the leases', message, { code: 'ipam.store', path, errno: 'EWOULDBLOCK' })
}
