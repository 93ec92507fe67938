import { chmodSync, rmSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { type Clock, errorText, type Logger } from '../../base/index.ts'
import { PingStream, probeMatrix } from '../../probe/index.ts'
import { readLines } from './lines.ts'
import { PodPresence } from './pod-presence.ts'
import { parseRequest, type WorkloadRequest, type WorkloadResponse } from './protocol.ts'

export interface WorkloadOptions {
  readonly socketPath: string
  readonly clock: Clock
  readonly log: Logger
}

type Ask<Op extends WorkloadRequest['op']> = Extract<WorkloadRequest, { op: Op }>

/** One process that is "in" every pod of a lab: it answers echo requests there and probes from there on command. */
export class WorkloadServer {
  private readonly options: WorkloadOptions
  private readonly pods = new Map<string, PodPresence>()
  private readonly server: Server
  private opened = 0

  private constructor(options: WorkloadOptions) {
    this.options = options
    this.server = createServer(socket => this.serve(socket))
  }

  /** Resolves when the socket (mode 0600) accepts connections. */
  static async listen(options: WorkloadOptions): Promise<WorkloadServer> {
    const workload = new WorkloadServer(options)
    rmSync(options.socketPath, { force: true })
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    workload.server.once('error', reject)
    workload.server.listen(options.socketPath, resolve)
    await promise
    chmodSync(options.socketPath, 0o600)
    return workload
  }

  close(): void {
    this.server.close()
    for (const pod of this.pods.values()) pod.close()
    this.pods.clear()
  }

  private serve(socket: Socket): void {
    // A stream of pings ends with the connection that asked for it.
    const streams = new Map<number, PingStream>()
    socket.on('error', () => socket.destroy())
    socket.on('close', () => {
      for (const stream of streams.values()) void stream.stop()
    })
    readLines(socket, line => {
      void this.answer(line, streams).then(response => {
        if (!socket.destroyed) socket.write(`${JSON.stringify(response)}\n`)
      })
    })
  }

  private async answer(line: string, streams: Map<number, PingStream>): Promise<WorkloadResponse> {
    let id = -1
    try {
      const request = parseRequest(line)
      id = request.id
      return { id, ok: true, result: (await this.handle(request, streams)) ?? null }
    } catch (error) {
      this.options.log.warn('request failed', { line: line.slice(0, 200), error: errorText(error) })
      return { id, ok: false, error: errorText(error) }
    }
  }

  private handle(request: WorkloadRequest, streams: Map<number, PingStream>): unknown {
    switch (request.op) {
      case 'add-pod':
        return this.addPod(request)
      case 'remove-pod':
        this.pods.get(request.name)?.close()
        this.pods.delete(request.name)
        return undefined
      case 'list':
        return [...this.pods.values()].map(({ name, address }) => ({ name, address }))
      case 'matrix':
        return this.matrix(request)
      case 'stream-start':
        return this.startStream(request, streams)
      case 'stream-stop':
        return stopStream(request, streams)
    }
  }

  private async addPod({ name, netnsPath, address }: Ask<'add-pod'>): Promise<void> {
    this.opened += 1
    const { clock, log } = this.options
    const pod = await PodPresence.open(name, netnsPath, address, clock, this.opened & 0xffff)
    this.pods.get(name)?.close()
    this.pods.set(name, pod)
    log.info('serving in a pod', { pod: name, address })
  }

  private matrix({ protocols, samples, retries, timeoutMs }: Ask<'matrix'>) {
    const probe = (from: { name: string }, to: { address: string }, protocol: 'icmp' | 'tcp' | 'udp') =>
      this.pod(from.name).probe(protocol, to.address, timeoutMs)
    const options = { clock: this.options.clock, protocols, samples, retries, probe }
    return probeMatrix([...this.pods.values()], options)
  }

  private startStream(request: Ask<'stream-start'>, streams: Map<number, PingStream>): { stream: number } {
    const { from, address, intervalMs, timeoutMs } = request
    const pinger = this.pod(from).streamPinger
    const stream = new PingStream({ pinger, address, clock: this.options.clock, intervalMs, timeoutMs })
    streams.set(request.id, stream)
    return { stream: request.id }
  }

  private pod(name: string): PodPresence {
    const pod = this.pods.get(name)
    if (pod === undefined) throw new Error(`no pod ${name} is served`)
    return pod
  }
}

async function stopStream({ stream }: Ask<'stream-stop'>, streams: Map<number, PingStream>) {
  const found = streams.get(stream)
  if (found === undefined) throw new Error(`no stream ${stream}`)
  streams.delete(stream)
  return found.stop()
}
