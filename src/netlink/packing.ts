import { ByteWriter } from './byte-writer.ts'
import {
  encodeMessage,
  messageLength,
  NLM_F_ACK,
  NLM_F_DUMP,
  NLM_F_REQUEST,
  type Request,
  writeMessage,
} from './messages.ts'

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
  for (let start = 0, end = 0; start < requests.length; start = end) {
    end = endOfDatagram(requests, start)
    datagrams.push(packTogether(requests.slice(start, end), firstSequence + start))
  }
  return datagrams
}

/** Behind the last request that goes into one datagram with the one at `start`. */
function endOfDatagram(requests: readonly Request[], start: number): number {
  const slow = requests[start]?.slow === true
  let bytes = 0
  let end = start
  for (; end < requests.length && end - start < DATAGRAM_REQUESTS_MAX; end += 1) {
    const request = requests[end]
    if (request === undefined || (request.slow === true) !== slow) break
    bytes += messageLength(request.body)
    // One that is too long for a datagram goes alone, for the kernel to say so.
    if (bytes > DATAGRAM_BYTES_MAX && end > start) break
  }
  return end
}

function packTogether(requests: readonly Request[], firstSequence: number): Datagram {
  const writer = new ByteWriter()
  let sequence = firstSequence
  for (const { type, flags, body } of requests) {
    writeMessage(writer, { type, flags: flags | NLM_F_REQUEST | NLM_F_ACK, sequence, body })
    sequence += 1
  }
  return { bytes: writer.finish(), requests, firstSequence, slow: requests[0]?.slow === true }
}

/** A dump travels alone: the kernel answers it piece by piece while it is read. */
export function packDump(request: Request, sequence: number): Datagram {
  const flags = request.flags | NLM_F_REQUEST | NLM_F_DUMP
  const bytes = encodeMessage({ type: request.type, flags, sequence, body: request.body })
  return { bytes, requests: [request], firstSequence: sequence, slow: request.slow === true }
}
