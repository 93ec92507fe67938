import { encodeMessage, NLM_F_ACK, NLM_F_DUMP, NLM_F_REQUEST, type Request } from './messages.ts'

/** How requests are laid into datagrams: as few as possible, in order, the slow ones apart. */

/** A datagram's size; the kernel copies it into one buffer, so much larger ones find no memory. */
export const DATAGRAM_BYTES_MAX = 64 * 1024

/**
 * Requests per datagram. All are answered before the first answer can be read, and an answer occupies 768 to 1,280
 * bytes of the receive buffer, however short it is: a socket with the default buffer (212,992 bytes), which may be
 * what was passed to us, holds 160 of them.
 */
export const DATAGRAM_REQUESTS_MAX = 128

export interface Datagram {
  readonly bytes: Uint8Array
  /** The requests in it; the sequence number of number i is `firstSequence` + i. */
  readonly requests: readonly Request[]
  readonly firstSequence: number
  readonly slow: boolean
}

/** Sequence numbers count on from `firstSequence` (32 bits, wrapping is the caller's business). */
export function packRequests(requests: readonly Request[], firstSequence: number): Datagram[] {
  const datagrams: Datagram[] = []
  let sequence = firstSequence
  let current: { messages: Uint8Array[]; requests: Request[]; bytes: number } | undefined
  const close = () => {
    if (current === undefined) return
    const slow = current.requests[0]?.slow === true
    datagrams.push({
      bytes: concatenate(current.messages),
      requests: current.requests,
      firstSequence: sequence - current.requests.length,
      slow,
    })
    current = undefined
  }
  for (const request of requests) {
    const flags = request.flags | NLM_F_REQUEST | NLM_F_ACK
    const message = encodeMessage({ type: request.type, flags, sequence, body: request.body })
    const fits =
      current !== undefined &&
      (current.requests[0]?.slow === true) === (request.slow === true) &&
      current.bytes + message.length <= DATAGRAM_BYTES_MAX &&
      current.requests.length < DATAGRAM_REQUESTS_MAX
    if (!fits) close()
    current ??= { messages: [], requests: [], bytes: 0 }
    current.messages.push(message)
    current.requests.push(request)
    current.bytes += message.length
    sequence += 1
  }
  close()
  return datagrams
}

/** A dump travels alone: the kernel answers it piece by piece while it is read. */
export function packDump(request: Request, sequence: number): Datagram {
  const flags = request.flags | NLM_F_REQUEST | NLM_F_DUMP
  const bytes = encodeMessage({ type: request.type, flags, sequence, body: request.body })
  return { bytes, requests: [request], firstSequence: sequence, slow: request.slow === true }
}

export function concatenate(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}
