import { connect, type Socket } from 'node:net'
import * as v from 'valibot'
import { errorText } from '../../base/index.ts'
import type { MatrixCell, PingStreamReport, Protocol } from '../../probe/index.ts'
import { labError } from '../errors.ts'
import { readLines } from './lines.ts'
import {
  matrixSchema,
  parseResponse,
  reportSchema,
  streamSchema,
  type WorkloadCall,
  type WorkloadResponse,
} from './protocol.ts'

/** Probes per cell and time limits; see `probeMatrix`. */
export interface MatrixRequest {
  readonly protocols: readonly Protocol[]
  readonly samples: number
  readonly retries: number
  readonly timeoutMs: number
}

/** A connection to a lab's workload process. Streams that it started end with it. */
export class WorkloadClient {
  private readonly socket: Socket
  private readonly waiting = new Map<number, PromiseWithResolvers<unknown>>()
  private lastId = 0

  private constructor(socket: Socket) {
    this.socket = socket
    readLines(socket, line => this.receive(parseResponse(line)))
    socket.on('error', () => undefined) // 'close' follows, and tells those who wait
    socket.on('close', () => this.fail('the workload process closed the connection'))
  }

  /** @throws the system's error (ENOENT, ECONNREFUSED) if nobody listens */
  static async open(socketPath: string): Promise<WorkloadClient> {
    const socket = connect(socketPath)
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    socket.once('connect', resolve)
    socket.once('error', reject)
    await promise
    return new WorkloadClient(socket)
  }

  async addPod(name: string, netnsPath: string, address: string): Promise<void> {
    await this.call({ op: 'add-pod', name, netnsPath, address })
  }

  async removePod(name: string): Promise<void> {
    await this.call({ op: 'remove-pod', name })
  }

  async matrix({ protocols, ...request }: MatrixRequest): Promise<MatrixCell[]> {
    return v.parse(matrixSchema, await this.call({ op: 'matrix', protocols: [...protocols], ...request }))
  }

  /** Pings from a pod at an even pace until `stop`, which reports. */
  async startStream(
    from: string,
    address: string,
    pace: { readonly intervalMs: number; readonly timeoutMs: number },
  ): Promise<{ stop(): Promise<PingStreamReport> }> {
    const { stream } = v.parse(streamSchema, await this.call({ op: 'stream-start', from, address, ...pace }))
    return { stop: async () => v.parse(reportSchema, await this.call({ op: 'stream-stop', stream })) }
  }

  close(): void {
    this.socket.destroy()
  }

  private call(call: WorkloadCall): Promise<unknown> {
    this.lastId += 1
    const waiting = Promise.withResolvers<unknown>()
    if (this.socket.destroyed) return Promise.reject(workloadError(call.op, 'the connection is closed'))
    this.waiting.set(this.lastId, waiting)
    this.socket.write(`${JSON.stringify({ ...call, id: this.lastId })}\n`)
    return waiting.promise.catch((error: unknown) => {
      throw workloadError(call.op, errorText(error))
    })
  }

  private receive(response: WorkloadResponse): void {
    const waiting = this.waiting.get(response.id)
    this.waiting.delete(response.id)
    if (response.ok) waiting?.resolve(response.result)
    else waiting?.reject(new Error(response.error))
  }

  private fail(reason: string): void {
    const all = [...this.waiting.values()]
    this.waiting.clear()
    for (const waiting of all) waiting.reject(new Error(reason))
  }
}

function workloadError(request: string, reason: string) {
  const message = `the workload process could not do ${request}: ${reason}`
  return labError(`workload ${request}`, message, { code: 'lab.workload', request })
}
