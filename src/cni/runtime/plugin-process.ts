import { type Clock, errorText, sleep } from '../../base/index.ts'
import { Program } from '../../sys/index.ts'
import { runtimeError } from './errors.ts'

/** As much as the shim prints at most. */
const MAX_ANSWER_BYTES = 1 << 20
/** Of what a plugin says beside its answer, the beginning is kept. */
const MAX_REMARK_BYTES = 1 << 16
/** A binary that is just being written is worth waiting for. */
const BUSY_ATTEMPTS = 20
const BUSY_PAUSE_MS = 250

export interface PluginOutput {
  /** -1 if a signal ended it. */
  readonly exitCode: number
  readonly stdout: Uint8Array
  readonly stderr: string
}

export interface PluginProcess {
  /** The plugin's type, for messages. */
  readonly plugin: string
  readonly file: string
  readonly args: readonly string[]
  /** The whole environment. */
  readonly env: Readonly<Record<string, string>>
  readonly stdin: string
  /** Until it is killed with all it started. */
  readonly timeoutMs: number
  readonly clock: Clock
  /** Aborted, it kills the plugin. */
  readonly signal?: AbortSignal
}

/**
 * Runs a plugin to its end, in a session of its own: Ctrl-C on the terminal reaches only us. A failing exit code is an
 * answer, not an error.
 *
 * Throws `cni.runtime.plugin-not-started`, `.plugin-hung`, `.plugin-answer` (it printed too much), `.interrupted`.
 */
export async function runPluginProcess(run: PluginProcess): Promise<PluginOutput> {
  for (let attempt = 1; ; attempt += 1) {
    if (run.signal?.aborted) throw interrupted(run)
    try {
      return await runOnce(run)
    } catch (error) {
      if (!isBusy(error) || attempt === BUSY_ATTEMPTS) throw explain(run, error)
      await sleep(run.clock, BUSY_PAUSE_MS, run.signal)
    }
  }
}

async function runOnce(run: PluginProcess): Promise<PluginOutput> {
  const { file, args, env, stdin, clock, timeoutMs, signal } = run
  let fault: Error | undefined
  const stop = (why: Error) => {
    fault ??= why
    program.killAll()
    program.dropOutputs()
  }
  const program = new Program({
    file,
    args,
    env,
    cwd: '/',
    stdin,
    mostStdout: MAX_ANSWER_BYTES,
    mostStderr: MAX_REMARK_BYTES,
    onTooMuch: () => stop(tooLong(run)),
  })
  const onAbort = () => stop(interrupted(run))
  const timer = clock.after(timeoutMs, () => stop(hung(run)))
  signal?.addEventListener('abort', onAbort, { once: true })
  try {
    const { exitCode = -1, stdout, stderr } = await program.ended
    if (fault !== undefined) throw fault
    return { exitCode, stdout, stderr: stderr.toString() }
  } finally {
    timer.cancel()
    signal?.removeEventListener('abort', onAbort)
  }
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ETXTBSY'
}

/** What the system says about a program that it does not start, in our words. */
function explain({ plugin, file }: PluginProcess, error: unknown): unknown {
  if (!(error instanceof Error && 'syscall' in error)) return error
  const message = `plugin ${plugin} cannot be started from ${file}: ${errorText(error)}`
  return runtimeError(`run ${plugin}`, message, { code: 'cni.runtime.plugin-not-started', plugin }, error)
}

function interrupted({ plugin }: PluginProcess) {
  return runtimeError(`run ${plugin}`, `interrupted at plugin ${plugin}`, { code: 'cni.runtime.interrupted' })
}

function hung({ plugin, timeoutMs }: PluginProcess) {
  const message = `plugin ${plugin} did not end within ${timeoutMs / 1000} s and was killed`
  return runtimeError(`run ${plugin}`, message, { code: 'cni.runtime.plugin-hung', plugin, timeoutMs })
}

function tooLong({ plugin }: PluginProcess) {
  const message = `plugin ${plugin} printed more than ${MAX_ANSWER_BYTES} bytes and was killed`
  return runtimeError(`run ${plugin}`, message, { code: 'cni.runtime.plugin-answer', plugin })
}
