import { createServer, type Server } from 'node:net'
import type { DatagramChannel } from './channel.ts'

/** Port of the echo services that the lab's pods offer, TCP and UDP. */
export const ECHO_PORT = 7777

/** TCP echo on a bound socket's descriptor, which it takes over. Resolves when it listens. */
export async function serveTcpEcho(fd: number): Promise<Server> {
  const server = createServer(socket => {
    socket.on('error', () => socket.destroy()) // a client that resets is no concern of ours
    socket.setNoDelay(true)
    socket.pipe(socket)
  })
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  server.once('error', reject)
  server.listen({ fd }, resolve)
  await promise
  return server
}

/** UDP echo: every datagram goes back to where it came from. */
export function serveUdpEcho(channel: DatagramChannel): void {
  channel.onMessage((bytes, from) => {
    try {
      channel.send(bytes, from.address, from.port)
    } catch {
      // the way back is gone: UDP promises nothing
    }
  })
}
