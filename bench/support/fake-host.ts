import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import type { Call, Task, TaskResults } from './host-worker.ts'
import { buildProgram, CACHE, ROOT } from './programs.ts'
import type { Requests } from './request.ts'

interface Reply {
  readonly id: number
  readonly result?: unknown
  readonly error?: string
}

/** From the root of the repository. */
export const HOST_WORKER = 'bench/support/host-worker.ts'
/** Names the file to run instead: in the guest a bundle, which starts faster. */
export const HOST_WORKER_VARIABLE = 'PODLACE_BENCH_HOST_WORKER'
const HOST_WORKER_FILE = process.env[HOST_WORKER_VARIABLE] ?? join(ROOT, HOST_WORKER)

/** Where a fake host keeps what has to survive a power cut: a sync costs nothing in memory. */
export const DISK = '/run/disk'

/**
 * A machine that is none: a network and a mount namespace with a private /run, held by one process. Nothing of it is
 * visible outside and nothing of it outlives that process, but for the files of `DISK`: they are on the disk of this
 * folder, and removed at the end.
 */
export class FakeHost implements AsyncDisposable {
  readonly name: string
  /** Where its namespaces are found: /proc/PID/ns. */
  readonly pid: number
  private readonly worker: ChildProcess
  private readonly disk: string
  private readonly waiting = new Map<number, PromiseWithResolvers<unknown>>()
  private lastId = 0

  private constructor(name: string, worker: ChildProcess, disk: string) {
    this.name = name
    this.worker = worker
    this.pid = worker.pid ?? 0
    this.disk = disk
    worker.on('message', (reply: Reply) => this.settle(reply))
    worker.on('exit', () => this.fail(new Error(`fake host ${name}: its process ended`)))
    worker.on('error', error => this.fail(error))
  }

  /** Needs root, `unshare` and `mount`. */
  static async create(name: string): Promise<FakeHost> {
    if (process.getuid?.() !== 0) throw new Error('fake hosts are network namespaces: run this as root')
    buildProgram('spawn-timer')
    const argv = ['--net', '--mount', process.execPath, HOST_WORKER_FILE]
    mkdirSync(CACHE, { recursive: true })
    const disk = mkdtempSync(join(CACHE, 'bench-disk-'))
    const worker = spawn('unshare', argv, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    const host = new FakeHost(name, worker, disk)
    try {
      await host.prepare()
    } catch (error) {
      await host[Symbol.asyncDispose]()
      throw error
    }
    return host
  }

  private async prepare(): Promise<void> {
    const ready = Promise.withResolvers<unknown>()
    this.waiting.set(0, ready)
    await ready.promise
    await this.commands([
      ['mount', '-t', 'tmpfs', '-o', 'mode=755', 'podlace-bench', '/run'],
      ['mkdir', '-p', '/run/netns', DISK],
      ['mount', '--bind', this.disk, DISK],
      ['chmod', '755', DISK],
      ['ip', 'link', 'set', 'lo', 'up'],
    ])
  }

  /** Runs commands one after the other; resolves with the standard output of the last. */
  commands(commands: readonly (readonly string[])[], stdin?: string): Promise<TaskResults['commands']> {
    return this.ask({ do: 'commands', commands, ...(stdin === undefined ? {} : { stdin }) })
  }

  calls(calls: readonly Call[], parallel: number): Promise<TaskResults['calls']> {
    return this.ask({ do: 'calls', calls, parallel })
  }

  /** Starts a daemon that ends with the host. */
  start(
    argv: readonly string[],
    options: Omit<Task & { do: 'start' }, 'do' | 'argv'>,
  ): Promise<TaskResults['start']> {
    return this.ask({ do: 'start', argv, ...options })
  }

  /** Status and body of the last answer (see `sendRequests`). */
  request(requests: Requests): Promise<TaskResults['requests']> {
    return this.ask({ do: 'requests', ...requests })
  }

  /** Kills a daemon of this process id; resolves when it has ended. */
  stop(pid: number): Promise<TaskResults['stop']> {
    return this.ask({ do: 'stop', pid })
  }

  /** CPU milliseconds so far: programs that were run here and ended, and daemons that count. Steps of 10 ms. */
  cpuMs(): Promise<TaskResults['cpu']> {
    return this.ask({ do: 'cpu' })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end()
    rmSync(this.disk, { recursive: true, force: true })
  }

  private async end(): Promise<void> {
    const { pid, exitCode, signalCode } = this.worker
    if (pid === undefined || exitCode !== null || signalCode !== null) return
    const ended = once(this.worker, 'exit')
    if (this.worker.connected) this.worker.disconnect()
    const timer = setTimeout(() => this.worker.kill('SIGKILL'), 5000)
    await ended
    clearTimeout(timer)
  }

  private ask<K extends Task['do']>(task: Task & { do: K }): Promise<TaskResults[K]> {
    const id = ++this.lastId
    const answer = Promise.withResolvers<unknown>()
    this.waiting.set(id, answer)
    this.worker.send({ id, task })
    // The worker is ours and answers each task with the type that TaskResults names.
    return answer.promise as Promise<TaskResults[K]>
  }

  private settle(reply: Reply): void {
    const answer = this.waiting.get(reply.id)
    this.waiting.delete(reply.id)
    if (reply.error === undefined) answer?.resolve(reply.result)
    else answer?.reject(new Error(`fake host ${this.name}: ${reply.error}`))
  }

  private fail(error: Error): void {
    for (const answer of this.waiting.values()) answer.reject(error)
    this.waiting.clear()
  }
}
