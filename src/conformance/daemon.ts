import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { errorText, sleep } from '../base/index.ts'
import { isAlive, type ProcessIdentity, startDaemon } from '../lab/index.ts'
import { setupError } from './errors.ts'
import type { Namespace } from './namespace.ts'
import { type DaemonCommand, fillIn } from './plugin-set.ts'

export interface Daemon {
  stop(): void
}

/** Only a daemon that lives and never answers is waited for so long; on an emulated processor a sound one takes 30 s. */
const READY_TIMEOUT_MS = 120_000
const LOG_TAIL = 2_000

/**
 * Starts the plugins' daemon on a fake host and waits until it says that it is ready.
 *
 * @param directory what `{dir}` stands for
 * @throws `conformance.setup`
 */
export async function startDaemonOf(
  daemon: DaemonCommand,
  network: Namespace,
  directory: string,
  signal: AbortSignal,
): Promise<Daemon> {
  const logFile = join(directory, 'daemon.log')
  const shell = (command: string) => ['sh', '-c', fillIn(command, directory)]
  const options = { logFile, env: { PATH: process.env['PATH'] ?? '' } }
  const identity = await startDaemon('it', network.entering(shell(daemon.command)), options).catch(
    (error: unknown) => {
      throw ofNoUse(errorText(error), error)
    },
  )
  const stop = () => killGroup(identity)
  try {
    await ready(daemon.ready)
  } catch (error) {
    stop()
    throw error
  }
  return { stop }

  async function ready(command: string | undefined): Promise<void> {
    if (command === undefined) return
    const deadline = network.clock.nowMs() + READY_TIMEOUT_MS
    for (;;) {
      if ((await network.execute(shell(command))).exitCode === 0) return
      const why = whyNot(deadline)
      if (why !== undefined) throw ofNoUse(why)
      await sleep(network.clock, 50, signal)
    }
  }

  function ofNoUse(why: string, cause?: unknown) {
    const log = readFileSync(logFile, 'utf8').slice(-LOG_TAIL)
    return setupError('start the daemon', `the plugins' daemon is of no use: ${why}; its log: ${log}`, cause)
  }

  function whyNot(deadline: number): string | undefined {
    if (signal.aborted) return 'the suite was interrupted'
    if (!isAlive(identity)) return 'it ended'
    return network.clock.nowMs() > deadline ? `it was not ready after ${READY_TIMEOUT_MS} ms` : undefined
  }
}

/** It leads a session of its own: what it started goes with it. */
function killGroup(identity: ProcessIdentity): void {
  if (isAlive(identity)) process.kill(-identity.pid, 'SIGKILL')
}
