/**
 * Runs inside a fake host: a network and mount namespace of its own. Starts the programs that are measured and
 * takes their times there, so that entering the namespace is not part of what is measured. Speaks JSON over the IPC
 * channel with `fake-host.ts`; ends when the channel closes, and its namespaces with it.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import process from 'node:process'
import { cpuTimeMs } from './cpu-time.ts'
import { type Requests, sendRequests } from './request.ts'
import { timeCalls } from './spawn-timer.ts'

/** A program to run to its end, with its standard input. */
export interface Program {
  readonly argv: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly stdin: string
  /** Goes behind what the program before printed, which goes behind `stdin`. Without it that is not given. */
  readonly stdinEnd?: string
}

/** One program or several, of which each is started when the one before has ended with 0. */
export interface Call extends Program {
  readonly followedBy?: readonly Program[]
  /** The call is over when there is no link of this name any more. */
  readonly untilGone?: string
}

export interface CallResult {
  /** From just before the start of the first process until the last was reaped, and until `untilGone` is. */
  readonly ms: number
  /** Of the last process that was started, like the output. */
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
}

export type Task =
  /** Runs commands one after the other, with `stdin` for each; for preparation, not timed. */
  | { readonly do: 'commands'; readonly commands: readonly (readonly string[])[]; readonly stdin?: string }
  | { readonly do: 'calls'; readonly calls: readonly Call[]; readonly parallel: number }
  /** Starts a daemon that dies with this process; its output goes to `log`. */
  | {
      readonly do: 'start'
      readonly argv: readonly string[]
      readonly env: Readonly<Record<string, string>>
      readonly log: string
      /** Its CPU time belongs to what is measured. */
      readonly counted: boolean
    }
  | (Requests & { readonly do: 'requests' })
  /** Kills a daemon. */
  | { readonly do: 'stop'; readonly pid: number }
  /** CPU time in milliseconds: of all programs that were run here, and of the daemons that are counted. */
  | { readonly do: 'cpu' }

export interface TaskResults {
  /** Standard output of the last command. */
  readonly commands: string
  readonly calls: { readonly results: readonly CallResult[]; readonly totalMs: number }
  readonly start: number
  readonly requests: string
  readonly stop: null
  readonly cpu: number
}

const daemons: { readonly child: ChildProcess; readonly counted: boolean }[] = []
const LIMIT_MS = 60_000

function runCommands(commands: readonly (readonly string[])[], stdin = ''): string {
  let output = ''
  for (const [file, ...args] of commands) {
    if (file === undefined) continue
    output = execFileSync(file, args, { encoding: 'utf8', input: stdin, timeout: LIMIT_MS, stdio: 'pipe' })
  }
  return output
}

function startDaemon({ argv, env, log, counted }: Task & { do: 'start' }): number {
  const [file = '', ...args] = argv
  const fd = openSync(log, 'a')
  const child = spawn(file, args, { env, stdio: ['ignore', fd, fd] })
  closeSync(fd)
  child.on('error', () => undefined) // whoever waits for the daemon reads its log
  daemons.push({ child, counted })
  return child.pid ?? -1
}

async function stopDaemon(pid: number): Promise<null> {
  const { child } = daemons.find(daemon => daemon.child.pid === pid) ?? {}
  if (child === undefined || child.exitCode !== null || child.signalCode !== null)
    throw new Error(`no daemon ${pid}`)
  const ended = once(child, 'exit')
  child.kill('SIGKILL')
  await ended
  return null
}

function cpuMs(): number {
  const running = daemons.filter(
    ({ child, counted }) => counted && child.exitCode === null && child.signalCode === null,
  )
  const ofDaemons = running.map(({ child }) => cpuTimeMs(child.pid ?? 0, 'own', 'children'))
  return ofDaemons.reduce((sum, ms) => sum + ms, cpuTimeMs(process.pid, 'children'))
}

function perform(task: Task): unknown {
  switch (task.do) {
    case 'commands':
      return runCommands(task.commands, task.stdin)
    case 'calls':
      return timeCalls(task.calls, task.parallel, LIMIT_MS)
    case 'start':
      return startDaemon(task)
    case 'requests':
      return sendRequests(task)
    case 'stop':
      return stopDaemon(task.pid)
    case 'cpu':
      return cpuMs()
  }
}

function stop(): void {
  for (const { child } of daemons) child.kill('SIGKILL')
  process.exit(0)
}

process.on('disconnect', stop)
process.on('SIGINT', () => undefined) // Ctrl-C is the parent's to handle; it closes the channel
process.on('message', (request: { readonly id: number; readonly task: Task }) => {
  answer(request.id, request.task).catch((error: unknown) => {
    process.send?.({ id: request.id, error: String(error) })
  })
})
process.send?.({ id: 0, result: 'ready' })

async function answer(id: number, task: Task): Promise<void> {
  process.send?.({ id, result: await perform(task) })
}
