import { fromNative } from './errors.ts'
import { native } from './native.ts'

/** What was written is on its way to the disk. */
export interface Syncing {
  /** It is there: known before `done` can tell, which takes a turn of the event loop. */
  readonly isDone: () => boolean
  /** Resolves when it is there. */
  readonly done: Promise<void>
}

/**
 * fdatasync(2), beside whatever this thread goes on with: on a thread of its own, and on another processor where there
 * is one. The descriptor must stay open until then.
 */
export function syncFile(fd: number): Syncing {
  const told = new Uint8Array(1)
  return { isDone: () => Atomics.load(told, 0) === 1, done: synced(fd, told) }
}

/** Also that no thread can be made is told by the promise. */
async function synced(fd: number, told: Uint8Array): Promise<void> {
  try {
    await native.fileSync(fd, told)
  } catch (thrown) {
    throw fromNative('sync a file', thrown)
  }
}
