import { attempt, fromNative } from './errors.ts'
import { native } from './native.ts'

/**
 * fdatasync(2), beside whatever this thread goes on with: on a thread of its own, and on another processor where there
 * is one. The descriptor must stay open until then.
 */
export async function syncFile(fd: number): Promise<void> {
  const synced = attempt('sync a file', () => native.fileSync(fd))
  try {
    await synced
  } catch (thrown) {
    throw fromNative('sync a file', thrown)
  }
}
