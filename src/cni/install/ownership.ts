import {
  closeSync,
  constants,
  fchownSync,
  fstatSync,
  lchownSync,
  lstatSync,
  openSync,
  readdirSync,
} from 'node:fs'
import { makeDirectory } from '../../sys/index.ts'
import type { Change } from './change.ts'
import { explained } from './errors.ts'

/** State and leases are at most this deep. */
const MAX_DEPTH = 3

/** Linux: the group stays as it is. */
const SAME_GROUP = -1

/** Makes a directory if it is missing and gives it, with all that is in it, to the user `uid`. */
export function giveDirectory(path: string, uid: number): Change {
  return explained(`give ${path} to user ${uid}`, () => {
    makeDirectory(path)
    return { path, did: giveTree(path, uid, MAX_DEPTH) > 0 ? 'given' : 'unchanged' }
  })
}

/**
 * How many things changed their owner. Whoever owns the directory already may move things about in it while we, who
 * are root, walk there: so each directory is held open and its entries are reached through that, no link is followed,
 * and a file with a second name, which may lie anywhere, is left alone.
 */
function giveTree(path: string, uid: number, depth: number): number {
  const fd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW)
  try {
    let given = 0
    if (fstatSync(fd).uid !== uid) {
      fchownSync(fd, uid, SAME_GROUP)
      given += 1
    }
    for (const name of readdirSync(`/proc/self/fd/${fd}`)) {
      given += giveEntry(`/proc/self/fd/${fd}/${name}`, uid, depth)
    }
    return given
  } finally {
    closeSync(fd)
  }
}

function giveEntry(path: string, uid: number, depth: number): number {
  const facts = lstatSync(path, { throwIfNoEntry: false })
  if (facts?.isDirectory()) return depth === 0 ? 0 : giveTree(path, uid, depth - 1)
  if (!facts?.isFile() || facts.uid === uid || facts.nlink > 1) return 0
  lchownSync(path, uid, SAME_GROUP)
  return 1
}
