import { spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { errorText } from '../base/index.ts'
import { labError } from './errors.ts'
import { identify, type ProcessIdentity, signalProcess } from './process-identity.ts'

export interface HolderOptions {
  /** Also a mount namespace (private propagation) of its own. */
  readonly mounts: boolean
  /** POSIX sh, run inside the new namespaces before the holder settles; a failing line fails the holder. */
  readonly script?: string
  readonly env: Readonly<Record<string, string>>
  readonly timeoutMs?: number
}

const READY = 'ready'

/**
 * Makes a network (and mount) namespace that lives as long as the returned process: a `sleep` that does nothing
 * else. No name appears anywhere outside (compare `ip netns add`, which leaves a file in /run/netns).
 */
export async function startHolder(what: string, options: HolderOptions): Promise<ProcessIdentity> {
  const flags = options.mounts ? ['--net', '--mount', '--propagation', 'private'] : ['--net']
  const script = `set -eu\n${options.script ?? ''}\nip link set lo up\necho ${READY}\nexec sleep infinity >/dev/null 2>&1`
  const child = spawn('unshare', [...flags, 'sh', '-c', script], {
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: options.env,
    cwd: '/',
  })
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  let stderr = ''
  child.stderr.on('data', chunk => {
    stderr += chunk
  })
  child.stdout.on('data', chunk => String(chunk).includes(READY) && resolve())
  child.on('error', reject)
  child.on('exit', code => reject(new Error(`it ended with ${code}: ${stderr.trim()}`)))
  const timer = setTimeout(() => reject(new Error('it was not ready in time')), options.timeoutMs ?? 20_000)
  const identity = child.pid === undefined ? undefined : identify(child.pid)
  try {
    await promise
    if (identity === undefined) throw new Error('it ended at once')
    return identity
  } catch (error) {
    if (identity !== undefined) signalProcess(identity, 'SIGKILL')
    const message = `cannot make the namespace of ${what}: ${errorText(error)}`
    const payload = { code: 'lab.command', command: 'unshare', exitCode: -1, stderr } as const
    throw labError(`make the namespace of ${what}`, message, payload, undefined)
  } finally {
    clearTimeout(timer)
    child.removeAllListeners('exit')
    child.stdout.destroy()
    child.stderr.destroy()
    child.unref()
  }
}

/** How to run a program inside a holder's namespaces. */
export function inside(holder: ProcessIdentity, what: 'net' | 'net+mount'): string[] {
  const flags = what === 'net' ? ['--net'] : ['--net', '--mount']
  return ['nsenter', '--target', String(holder.pid), ...flags, '--']
}

/** How to run a program inside a pod's network with its node's files. */
export function insidePod(holder: ProcessIdentity, netns: string): string[] {
  const target = ['--target', String(holder.pid), '--mount']
  return ['nsenter', ...target, `--net=${fromMachine(holder, netns)}`, '--']
}

/** A path inside a node as seen from the machine: valid while the node's holder lives. */
export function fromMachine(holder: ProcessIdentity, path: string): string {
  return `/proc/${holder.pid}/root${path}`
}

export function netnsPath(holder: ProcessIdentity): string {
  return `/proc/${holder.pid}/ns/net`
}

export interface DaemonOptions {
  readonly logFile: string
  readonly env: Readonly<Record<string, string>>
}

/** Starts a program that outlives us, in a session of its own, with both outputs appended to a log. */
export async function startDaemon(
  role: string,
  argv: readonly string[],
  options: DaemonOptions,
): Promise<ProcessIdentity> {
  const [file, ...args] = argv
  if (file === undefined) throw new TypeError('an empty command')
  const log = openSync(options.logFile, 'a', 0o644)
  try {
    const child = spawn(file, args, {
      detached: true,
      stdio: ['ignore', log, log],
      env: options.env,
      cwd: '/',
    })
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    child.once('spawn', resolve)
    child.once('error', reject)
    await promise
    child.unref()
    const identity = child.pid === undefined ? undefined : identify(child.pid)
    if (identity !== undefined) return identity
    const message = `${role} ended at once; see ${options.logFile}`
    throw labError(`start ${role}`, message, { code: 'lab.ended', role, log: [] })
  } finally {
    closeSync(log)
  }
}
