import { createServer, Socket } from 'node:net'
import { type Clock, settle } from '../base/index.ts'
import { DatagramSocket, Netns, socketIn } from '../sys/index.ts'
import { eventually } from './expect.ts'
import type { Namespace } from './namespace.ts'

export type Transport = 'tcp' | 'udp'

/** A service inside a namespace: tells everybody that comes the source address that it saw. */
export interface Service {
  /** Sources of what came, in order. */
  readonly sources: readonly string[]
  close(): void
}

const domainOf = (address: string) => (address.includes(':') ? 'inet6' : 'inet')
/** A socket of both families sees IPv4 sources as ::ffff:192.0.2.1. */
const plain = (address = '') => address.replace(/^::ffff:/, '')

/** Serves `port` of all addresses of one family. */
export async function serve(
  where: Namespace,
  transport: Transport,
  port: number,
  family: 4 | 6 = 4,
): Promise<Service> {
  const netns = Netns.open(where.outerPath)
  const domain = family === 4 ? 'inet' : 'inet6'
  const any = family === 4 ? '0.0.0.0' : '::'
  try {
    return transport === 'tcp' ? await serveTcp() : serveUdp()
  } catch (error) {
    netns.close()
    throw error
  }

  function serveUdp(): Service {
    const sources: string[] = []
    const socket = DatagramSocket.udp(socketIn(netns, domain, 'datagram'))
    const close = () => {
      socket.close()
      netns.close()
    }
    socket.bind(any, port)
    socket.onMessage((_, from) => {
      const source = plain(from.address)
      sources.push(source)
      answer(socket, source, from)
    })
    return { sources, close }
  }

  async function serveTcp(): Promise<Service> {
    const sources: string[] = []
    const server = createServer(connection => {
      const source = plain(connection.remoteAddress)
      sources.push(source)
      connection.on('error', () => undefined)
      connection.end(source)
    })
    const fd = socketIn(netns, domain, 'stream')
    // bind(2) knows no difference between datagrams and streams; the descriptor then belongs to the server.
    DatagramSocket.udp(fd).bind(any, port)
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    server.once('error', reject)
    server.listen({ fd }, resolve)
    await promise
    const close = () => {
      server.close()
      netns.close()
    }
    return { sources, close }
  }
}

function answer(socket: DatagramSocket, text: string, to: { address: string; port: number }): void {
  try {
    socket.send(new TextEncoder().encode(text), to.address, to.port)
  } catch {
    // No way back: whoever asked goes without an answer, which is what it then reports.
  }
}

export interface Visit {
  readonly from: Namespace
  readonly to: string
  readonly port: number
  readonly transport: Transport
  readonly clock: Clock
  /** How long to go on trying; what must not arrive is given less. */
  readonly timeoutMs?: number
}

/** The source address that a service saw, after as many tries as fit; undefined if no answer came. */
export async function visit(visit: Visit): Promise<string | undefined> {
  const netns = Netns.open(visit.from.outerPath)
  const attempt = visit.transport === 'tcp' ? tryTcp : tryUdp
  try {
    return await eventually(visit.clock, () => attempt(netns, visit), visit.timeoutMs ?? 3_000)
  } finally {
    netns.close()
  }
}

/** Time for one answer; a namespace of this machine answers within a millisecond, or never. */
const ANSWER_MS = 250

function tryTcp(netns: Netns, { to, port, clock }: Visit): Promise<string | undefined> {
  const { promise, resolve } = Promise.withResolvers<string | undefined>()
  const socket = new Socket({ fd: socketIn(netns, domainOf(to), 'stream') })
  const timer = clock.after(ANSWER_MS, () => socket.destroy())
  let text = ''
  socket.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk
  })
  socket.on('error', () => undefined)
  socket.on('close', () => {
    timer.cancel()
    resolve(text === '' ? undefined : text)
  })
  socket.connect({ host: to, port })
  return promise
}

async function tryUdp(netns: Netns, { to, port, clock }: Visit): Promise<string | undefined> {
  const { promise, resolve } = Promise.withResolvers<string | undefined>()
  const socket = DatagramSocket.udp(socketIn(netns, domainOf(to), 'datagram'))
  const timer = clock.after(ANSWER_MS, () => resolve(undefined))
  socket.onMessage(bytes => resolve(new TextDecoder().decode(bytes)))
  try {
    socket.send(new TextEncoder().encode('who am I'), to, port)
    return await promise
  } catch {
    return undefined // no route: nothing arrives
  } finally {
    timer.cancel()
    socket.close()
  }
}

/** One UDP socket that keeps its port. */
export interface Speaker {
  /** Sends every 20 ms until `heard` says so, or 2 s have passed. */
  say(to: string, port: number, heard: () => boolean): Promise<void>
  /** Sends `count` datagrams of so many bytes as fast as it can; how long that took, in milliseconds. */
  flood(to: string, port: number, bytes: number, count: number): Promise<number>
  close(): void
}

export function openSpeaker(from: Namespace): Speaker {
  const netns = Netns.open(from.outerPath)
  const socket = DatagramSocket.udp(socketIn(netns, 'inet', 'datagram'))
  return {
    async say(to, port, heard) {
      await eventually(
        from.clock,
        () => {
          if (heard()) return true
          send(socket, to, port, new Uint8Array(8))
          return undefined
        },
        2_000,
      )
    },
    async flood(to, port, bytes, count) {
      const datagram = new Uint8Array(bytes)
      const startMs = from.clock.nowMs()
      for (let sent = 0; sent < count; sent += 1) {
        send(socket, to, port, datagram)
        if (sent % 10 === 0) await settle() // whoever receives runs in this process
      }
      return from.clock.nowMs() - startMs
    },
    close() {
      socket.close()
      netns.close()
    },
  }
}

function send(socket: DatagramSocket, to: string, port: number, datagram: Uint8Array): void {
  try {
    socket.send(datagram, to, port)
  } catch {
    // No route at the moment: nobody hears it.
  }
}
