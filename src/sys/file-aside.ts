import type { Aside } from '../base/index.ts'
import { fromNative } from './errors.ts'
import { native } from './native.ts'

/**
 * fdatasync(2), beside whatever this thread goes on with: on another thread, and on another processor where there is
 * one. The descriptor must stay open until then.
 */
export function syncFile(fd: number): Aside {
  return aside('sync a file', told => native.fileSync(fd, told))
}

/**
 * Makes a file that is not there, mode 0600, on another thread: a busy disk may keep a new file waiting for tens of
 * milliseconds. Nothing is left of one that cannot be written.
 */
export function createFile(path: string, content: string): Aside {
  return aside(`make ${path}`, told => native.fileCreate(path, Buffer.from(content), told))
}

function aside(op: string, start: (told: Uint8Array) => Promise<void>): Aside {
  const told = new Uint8Array(1)
  return { isDone: () => Atomics.load(told, 0) === 1, done: explained(op, () => start(told)) }
}

/** Also that no thread can be made is told by the promise. */
async function explained(op: string, start: () => Promise<void>): Promise<void> {
  try {
    await start()
  } catch (thrown) {
    throw fromNative(op, thrown)
  }
}
