import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { type Clock, sleep } from '../base/index.ts'
import { tunnelError } from './errors.ts'

/** Seen from `src/tunnel/`, and from the bundle in `dist/`. */
const PLACES = ['../../build/podlace-udp', '../build/podlace-udp']
const START_TIMEOUT_MS = 5000
const OP = 'start the tunnel process'

/** Where the program was built. @throws TunnelError `tunnel.not-started` if it was not */
export function tunnelProgram(): string {
  const places = PLACES.map(place => fileURLToPath(new URL(place, import.meta.url)))
  const found = places.find(place => existsSync(place))
  if (found !== undefined) return found
  throw notStarted(`there is no ${places.join(' nor ')}: run npm run build`)
}

export interface TunnelProcessOptions {
  readonly program: string
  /** Where it is to listen: at most 107 bytes, in a directory that only its users may enter. */
  readonly socketPath: string
  readonly clock: Clock
}

/**
 * Starts the process in a session of its own, so that it outlives us, and resolves with its pid once it listens. What it
 * has to say goes to our standard error. A socket that a dead process left at the path is replaced.
 *
 * @throws TunnelError `tunnel.not-started`, also if another one listens there already
 */
export async function startTunnelProcess({
  program,
  socketPath,
  clock,
}: TunnelProcessOptions): Promise<number> {
  const child = spawn(program, [socketPath], {
    cwd: '/',
    detached: true,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const over = new AbortController()
  const { signal } = over
  try {
    await Promise.race([
      once(child.stdout, 'data', { signal }),
      once(child, 'exit', { signal }).then(([code]) => {
        throw notStarted(`${program} ended with ${code}, see what it wrote to standard error`)
      }),
      sleep(clock, START_TIMEOUT_MS, signal).then(() => {
        if (!signal.aborted) child.kill('SIGKILL')
        throw notStarted(`${program} did not listen within ${START_TIMEOUT_MS} ms`)
      }),
    ])
  } catch (error) {
    throw error instanceof Error && 'syscall' in error ? notStarted(error.message, error) : error
  } finally {
    over.abort()
    child.stdout.destroy()
    child.unref()
  }
  if (child.pid === undefined) throw notStarted(`${program} has no process id`)
  return child.pid
}

function notStarted(message: string, cause?: unknown) {
  return tunnelError(OP, `${OP}: ${message}`, { code: 'tunnel.not-started' }, cause)
}
