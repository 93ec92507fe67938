import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'

/** The way from one node to the store, a relay on loopback that a test may cut. */
export class Wire {
  readonly port: number
  private readonly server: Server
  private readonly sockets = new Set<Socket>()
  private isCut = false
  private isHung = false

  /** @param target port of the store at the moment; it may be another one after a restart */
  static async to(target: () => number): Promise<Wire> {
    const server = createServer()
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    if (address === null || typeof address === 'string') throw new Error('the relay has no port')
    return new Wire(server, address.port, target)
  }

  private constructor(server: Server, port: number, target: () => number) {
    this.server = server
    this.port = port
    server.on('connection', near => {
      if (this.isCut) {
        near.destroy()
        return
      }
      const far = connect(target(), '127.0.0.1')
      for (const [socket, other] of [
        [near, far],
        [far, near],
      ] as const) {
        this.sockets.add(socket)
        socket.on('error', () => other.destroy())
        socket.on('close', () => {
          this.sockets.delete(socket)
          other.destroy()
        })
        if (!this.isHung) socket.pipe(other)
      }
    })
  }

  /** Breaks what there is, and lets nothing through from now on. */
  cut(): void {
    this.isCut = true
    for (const socket of this.sockets) socket.destroy()
  }

  /** Connections stand, and new ones can be made, but nothing comes through. */
  hang(): void {
    this.isHung = true
    for (const socket of this.sockets) socket.unpipe().pause()
  }

  heal(): void {
    this.isCut = false
    if (!this.isHung) return
    this.isHung = false
    for (const socket of this.sockets) socket.destroy()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut()
    await new Promise(resolve => this.server.close(resolve))
  }
}
