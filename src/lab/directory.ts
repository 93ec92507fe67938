import { closeSync, fstatSync, openSync, rmdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { type Clock, ifThere, sleep } from '../base/index.ts'
import { flockSync, makeDirectory } from '../sys/index.ts'
import { labError, throwIfInterrupted } from './errors.ts'

export interface LockOptions {
  readonly clock: Clock
  readonly signal: AbortSignal
  /** How long to wait for another command to finish; then it is an error. */
  readonly timeoutMs: number
}

/**
 * Runs `task` while holding the lab's lock: two commands never change one lab at once. The lock is the kernel's
 * (flock), so that it goes with its holder however that ends.
 */
export async function withLabLock<T>(
  root: string,
  name: string,
  options: LockOptions,
  task: () => Promise<T>,
): Promise<T> {
  const path = join(root, `.${name}.lock`)
  const fd = await acquire(root, path, name, options)
  try {
    return await task()
  } finally {
    // Unlinked while it is held: whoever waits sees that the file is another one, and starts again.
    rmSync(path, { force: true })
    closeSync(fd)
    removeIfEmpty(root)
  }
}

async function acquire(root: string, path: string, name: string, options: LockOptions): Promise<number> {
  const deadline = options.clock.nowMs() + options.timeoutMs
  for (;;) {
    throwIfInterrupted(options.signal)
    const fd = openLock(root, path)
    if (fd !== undefined) {
      if (flockSync(fd, 'exclusive', { nonBlocking: true }) && isStill(path, fd)) return fd
      closeSync(fd)
    }
    if (options.clock.nowMs() >= deadline) {
      const message = `another command is changing lab ${name}; waited ${options.timeoutMs} ms for it, try again later`
      throw labError(`lock lab ${name}`, message, { code: 'lab.busy', lab: name })
    }
    await sleep(options.clock, 20, options.signal)
  }
}

/** Undefined if the directory was removed under us by the end of another command. */
function openLock(root: string, path: string): number | undefined {
  makeDirectory(root)
  return ifThere(() => openSync(path, 'a', 0o600))
}

function isStill(path: string, fd: number): boolean {
  try {
    return statSync(path).ino === fstatSync(fd).ino
  } catch {
    return false
  }
}

function removeIfEmpty(directory: string): void {
  try {
    rmdirSync(directory)
  } catch {
    // other labs are in it
  }
}
