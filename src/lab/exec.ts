import { spawn } from 'node:child_process'
import { type CommandResult, runCommand } from './command.ts'
import { inside } from './holder.ts'
import type { Lab } from './lab.ts'

/** Exit status of a program that a signal ended, as shells have it. */
const SIGNALLED = 128

/** How to run a command in a pod or on a node. @throws LabError `lab.unknown-member` */
export function whereArgv(lab: Lab, where: string): string[] {
  const node = lab.state.nodes.find(candidate => candidate.name === where)
  if (node !== undefined) return inside(lab.holder(node), 'net+mount')
  const pod = lab.pod(where)
  return lab.podRuntime(lab.node(pod.node)).enter(pod)
}

/** Runs a command with our terminal; returns its exit status. */
export async function labExec(lab: Lab, where: string, command: readonly string[]): Promise<number> {
  const [file, ...args] = [...whereArgv(lab, where), ...command]
  if (file === undefined) return 0
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  const env = { ...process.env, ...lab.processEnvironment() }
  const child = spawn(file, args, { stdio: 'inherit', env })
  child.on('error', reject)
  child.on('exit', (code, signal) => resolve(code ?? SIGNALLED + signalNumber(signal)))
  return promise
}

/** Runs a command without a terminal and keeps what it prints. */
export function labExecCaptured(lab: Lab, where: string, command: readonly string[]): Promise<CommandResult> {
  const env = { ...process.env, ...lab.processEnvironment() }
  const defined = Object.entries(env).flatMap(([key, value]) => (value === undefined ? [] : [[key, value]]))
  return runCommand([...whereArgv(lab, where), ...command], {
    env: Object.fromEntries(defined),
    timeoutMs: 2 ** 31 - 1,
  })
}

function signalNumber(signal: NodeJS.Signals | null): number {
  const numbers: Partial<Record<NodeJS.Signals, number>> = { SIGHUP: 1, SIGINT: 2, SIGKILL: 9, SIGTERM: 15 }
  return signal === null ? 0 : (numbers[signal] ?? 0)
}
