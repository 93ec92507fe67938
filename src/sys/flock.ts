import { attempt } from './errors.ts'
import { native } from './native.ts'

/** sys/file.h */
const OPERATIONS = { shared: 1, exclusive: 2, unlock: 8 } as const
const LOCK_NB = 4

/**
 * flock(2): an advisory lock on an open file, released when its last descriptor is closed, also by a crash.
 * Returns false if somebody else holds it and `nonBlocking` is set; without that it blocks the whole process.
 */
export function flockSync(
  fd: number,
  operation: keyof typeof OPERATIONS,
  options: { readonly nonBlocking: boolean },
): boolean {
  const flags = OPERATIONS[operation] | (options.nonBlocking ? LOCK_NB : 0)
  return attempt(`lock a file (${operation})`, () => native.fileLock(fd, flags))
}
