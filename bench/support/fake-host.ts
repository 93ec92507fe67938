import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import process from 'node:process'
import type { Call, Task, TaskResults } from './host-worker.ts'
import { buildSpawnTimer } from './spawn-timer.ts'

interface Reply {
  readonly id: number
  readonly result?: unknown
  readonly error?: string
}

/**
 * A machine that is none: a network and a mount namespace with a private /run, held by one process. Nothing of it is
 * visible outside and nothing of it outlives that process.
 */
export class FakeHost implements AsyncDisposable {
  readonly name: string
  private readonly worker: ChildProcess
  private readonly waiting = new Map<number, PromiseWithResolvers<unknown>>()
  private lastId = 0

  private constructor(name: string, worker: ChildProcess) {
    this.name = name
    this.worker = worker
    worker.on('message', (reply: Reply) => this.settle(reply))
    worker.on('exit', () => this.fail(new Error(`fake host ${name}: its process ended`)))
    worker.on('error', error => this.fail(error))
  }

  /** Needs root, `unshare` and `mount`. */
  static async create(name: string): Promise<FakeHost> {
    if (process.getuid?.() !== 0) throw new Error('fake hosts are network namespaces: run this as root')
    buildSpawnTimer()
    const argv = ['--net', '--mount', process.execPath, join(import.meta.dirname, 'host-worker.ts')]
    const worker = spawn('unshare', argv, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    const host = new FakeHost(name, worker)
    const ready = Promise.withResolvers<unknown>()
    host.waiting.set(0, ready)
    await ready.promise
    await host.commands([
      ['mount', '-t', 'tmpfs', '-o', 'mode=755', 'podlace-bench', '/run'],
      ['mkdir', '-p', '/run/netns'],
      ['ip', 'link', 'set', 'lo', 'up'],
    ])
    return host
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

  /** CPU milliseconds so far: programs that were run here and ended, and daemons that count. Steps of 10 ms. */
  cpuMs(): Promise<TaskResults['cpu']> {
    return this.ask({ do: 'cpu' })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.worker.exitCode !== null || this.worker.signalCode !== null) return
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
