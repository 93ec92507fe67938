import fs from 'node:fs'
import net from 'node:net'
import { hasCode, PodlaceError } from '../base/index.ts'
import { type DaemonRoom, PROGRAM } from './program.ts'

/** Whose socket: `room` begins the code of errors, `flag` is the option that chooses another place. */
export interface SocketOwner {
  readonly room: DaemonRoom
  readonly what: string
  readonly flag: string
}

/** Why nobody can listen at `path`, and what to do. */
export function socketError({ room, what, flag }: SocketOwner, path: string, cause: unknown): PodlaceError {
  const advice = isInUse(cause)
    ? `another ${PROGRAM[room]} answers there, or the file is no socket; stop that one or remove the file, or give this one another ${flag}`
    : `its directory must exist and belong to the user of the ${PROGRAM[room]}, and the path have at most 107 bytes; ${flag} names another`
  return new PodlaceError(
    `listen on ${path}`,
    `cannot serve the ${what} socket ${path}: ${advice}`,
    { code: `${room}.socket` },
    { cause },
  )
}

function isInUse(cause: unknown): boolean {
  return (
    hasCode(cause, 'sys.eaddrinuse') ||
    (cause instanceof Error && 'code' in cause && cause.code === 'EADDRINUSE')
  )
}

/** Removes the socket file of a server that is gone; one that somebody answers stays, and so does any other file. */
export async function removeStaleSocket(path: string): Promise<void> {
  if (fs.lstatSync(path, { throwIfNoEntry: false })?.isSocket() !== true) return
  if (!(await answers(path))) fs.rmSync(path, { force: true })
}

function answers(path: string): Promise<boolean> {
  return new Promise(resolve => {
    const socket = net.connect(path)
    const tell = (answered: boolean) => {
      socket.destroy()
      resolve(answered)
    }
    socket.once('connect', () => tell(true))
    // Refused: the file is left over. Anything else: nothing is known, and the file stays.
    socket.once('error', error => tell(!('code' in error && error.code === 'ECONNREFUSED')))
  })
}
