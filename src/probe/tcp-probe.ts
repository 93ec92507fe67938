import type { Socket } from 'node:net'
import type { Clock } from '../base/index.ts'
import type { ProbeOptions, ProbeOutcome } from './channel.ts'

/**
 * Sends a line over a connection that `connect` begins, and waits for its echo (RFC 862). The time runs from the
 * beginning of the connect to the whole echo: two round trips and the server's turn.
 */
export function probeTcp(
  clock: Clock,
  connect: () => Socket,
  text: string,
  options: ProbeOptions,
): Promise<ProbeOutcome> {
  const { promise, resolve } = Promise.withResolvers<ProbeOutcome>()
  const startMs = clock.nowMs()
  let socket: Socket
  try {
    socket = connect()
  } catch (error) {
    return Promise.resolve({ ok: false, reason: error instanceof Error ? error.message : String(error) })
  }
  const line = `${text}\n`
  let received = ''
  const end = (outcome: ProbeOutcome) => {
    timer.cancel()
    socket.destroy()
    resolve(outcome)
  }
  const timer = clock.after(options.timeoutMs, () => {
    end({ ok: false, reason: `no echo within ${options.timeoutMs} ms` })
  })
  socket.setNoDelay(true)
  socket.setEncoding('utf8')
  socket.on('connect', () => socket.write(line))
  socket.on('data', chunk => {
    received += String(chunk)
    if (received === line) end({ ok: true, rttMs: clock.nowMs() - startMs })
    else if (!line.startsWith(received)) end({ ok: false, reason: 'the echo was not what was sent' })
  })
  socket.on('error', error => end({ ok: false, reason: error.message }))
  socket.on('close', () => end({ ok: false, reason: 'closed without an echo' }))
  return promise
}
