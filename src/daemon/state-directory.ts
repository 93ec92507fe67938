import fs from 'node:fs'
import path from 'node:path'
import { PodlaceError } from '../base/index.ts'
import { flockSync } from '../sys/index.ts'
import { type DaemonRoom, PROGRAM } from './program.ts'

/**
 * Keeps others of its kind out of a daemon's state directory, until the returned function is called or the process ends:
 * two would overwrite each other's files.
 *
 * @throws PodlaceError `<room>.state-in-use`, `<room>.state-dir`
 */
export function lockStateDirectory(room: DaemonRoom, directory: string): () => void {
  const fd = openLock(room, directory)
  if (flockSync(fd, 'exclusive', { nonBlocking: true })) return () => fs.closeSync(fd)
  fs.closeSync(fd)
  throw new PodlaceError(
    `start the ${PROGRAM[room]}`,
    `another ${PROGRAM[room]} is running with the state directory ${directory}: stop it, or give this one its own --state-dir`,
    { code: `${room}.state-in-use` },
  )
}

function openLock(room: DaemonRoom, directory: string): number {
  try {
    return fs.openSync(path.join(directory, 'lock'), 'w', 0o600)
  } catch (cause) {
    throw new PodlaceError(
      `start the ${PROGRAM[room]}`,
      `cannot write the state directory ${directory}: it must exist, belong to the user of the ${PROGRAM[room]} and not be full`,
      { code: `${room}.state-dir` },
      { cause },
    )
  }
}
