import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import process from 'node:process'
import type { Readable } from 'node:stream'

export interface ProgramOptions {
  readonly file: string
  readonly args: readonly string[]
  /** The whole environment. */
  readonly env: Readonly<Record<string, string | undefined>>
  /** Absent: ours. */
  readonly cwd?: string
  readonly stdin: string | Uint8Array
  /** Bytes kept of each output; what is more is read and dropped. */
  readonly mostStdout: number
  readonly mostStderr: number
  /** Standard output has more than is kept. */
  readonly onTooMuch?: () => void
}

export interface ProgramOutcome {
  /** Absent if a signal ended it. */
  readonly exitCode?: number
  readonly signal?: NodeJS.Signals
  readonly stdout: Buffer
  readonly stderr: Buffer
}

/**
 * A program that was started without a shell, in a session of its own: Ctrl-C on the terminal reaches only us, and it
 * is not ended in the middle of its work. How long it may take is the caller's.
 */
export class Program {
  /**
   * When it and whoever inherited its outputs have ended. A failing exit code is an outcome; the error of spawn(3) is
   * passed on if the program cannot be started, unless the constructor throws it at once.
   */
  readonly ended: Promise<ProgramOutcome>
  private readonly child: ChildProcessWithoutNullStreams

  constructor({ file, args, env, cwd, stdin, ...keep }: ProgramOptions) {
    const { promise, resolve, reject } = Promise.withResolvers<ProgramOutcome>()
    const child = spawn(file, args, { detached: true, stdio: 'pipe', env, cwd })
    const stdout = collect(child.stdout, keep.mostStdout, keep.onTooMuch)
    const stderr = collect(child.stderr, keep.mostStderr)
    child.stdin.on('error', () => undefined) // it may end without reading its input
    child.stdin.end(stdin)
    child.on('error', reject)
    child.on('close', (code, signal) =>
      resolve({
        ...(code === null ? {} : { exitCode: code }),
        ...(signal === null ? {} : { signal }),
        stdout: stdout(),
        stderr: stderr(),
      }),
    )
    this.child = child
    this.ended = promise
  }

  /** SIGKILL for it alone: what it started goes on. */
  kill(): void {
    this.child.kill('SIGKILL')
  }

  /** SIGKILL for it and what it started and left in its session. */
  killAll(): void {
    const { exitCode, signalCode, pid } = this.child
    if (exitCode === null && signalCode === null && pid !== undefined) process.kill(-pid, 'SIGKILL')
  }

  /** Who else holds its outputs is not waited for. */
  dropOutputs(): void {
    this.child.stdout.destroy()
    this.child.stderr.destroy()
  }
}

/** Keeps the first `most` bytes, and tells if there are more. */
function collect(stream: Readable, most: number, onMore: () => void = () => undefined): () => Buffer {
  const chunks: Buffer[] = []
  let length = 0
  stream.on('data', (chunk: Buffer) => {
    const room = most - length
    if (chunk.length > room) onMore()
    if (room > 0) chunks.push(chunk.subarray(0, room))
    length += Math.min(chunk.length, room)
  })
  return () => Buffer.concat(chunks)
}
