import { closeSync, openSync } from 'node:fs'
import { type Clock, sleep } from '../../base/index.ts'
import { flockSync } from '../../sys/index.ts'
import { explained, installError } from './errors.ts'

const PAUSE_MS = 20

export interface DirectoryLockOptions {
  readonly clock: Clock
  readonly signal: AbortSignal
  /** How long another install is waited for. */
  readonly timeoutMs: number
}

/**
 * Runs `task` while nobody else installs into the directory. The lock is the kernel's, on the directory itself: nothing
 * lies about, and it goes with its holder however that ends.
 */
export async function withDirectoryLock<T>(
  path: string,
  { clock, signal, timeoutMs }: DirectoryLockOptions,
  task: () => T,
): Promise<T> {
  const fd = explained(`open ${path}`, () => openSync(path, 'r'))
  try {
    const deadline = clock.nowMs() + timeoutMs
    while (!flockSync(fd, 'exclusive', { nonBlocking: true })) {
      if (signal.aborted || clock.nowMs() >= deadline) {
        const message = `another command is installing into ${path}: try again when it is done`
        throw installError(`lock ${path}`, message, { code: 'cni.install.busy', path })
      }
      await sleep(clock, PAUSE_MS, signal)
    }
    return task()
  } finally {
    closeSync(fd)
  }
}
