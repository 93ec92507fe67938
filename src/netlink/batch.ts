import { be32 } from './attribute-codecs.ts'
import { attributeTable } from './attributes.ts'
import { ByteWriter } from './byte-writer.ts'
import { NLM_F_ACK, NLM_F_REQUEST, type Request, writeMessage } from './messages.ts'
import { NFNL_SUBSYS_NFTABLES } from './nftables/subsystem.ts'
import type { Datagram } from './packing.ts'

/** nfnetlink batches: NFNL_MSG_BATCH_* (linux/netfilter/nfnetlink.h). */

const NFNL_MSG_BATCH_BEGIN = 16
const NFNL_MSG_BATCH_END = 17

export const batchFields = { generation: [1, 'NFNL_BATCH_GENID', be32] } as const
const attributes = attributeTable(batchFields)

/**
 * Begin, the requests and end as one datagram, which the kernel insists on. `requests` of the result is one longer
 * at both ends. Only the last request asks for an acknowledgement: errors come in any case, and thousands of
 * acknowledgements would overflow the receive buffer. (The end itself is acknowledged since kernel 6.10 only.)
 */
export function encodeBatch(
  requests: readonly Request[],
  firstSequence: number,
  generation: number | undefined,
): Datagram {
  const begin = { type: NFNL_MSG_BATCH_BEGIN, flags: 0, body: border(generation), what: 'begin batch' }
  const end = { type: NFNL_MSG_BATCH_END, flags: 0, body: border(undefined), what: 'end batch' }
  const all: readonly Request[] = [begin, ...requests, end]
  const writer = new ByteWriter(1024)
  let sequence = firstSequence
  for (const { type, flags, body } of all) {
    const acknowledge = sequence === firstSequence + requests.length ? NLM_F_ACK : 0
    writeMessage(writer, { type, flags: flags | NLM_F_REQUEST | acknowledge, sequence, body })
    sequence += 1
  }
  const slow = requests.some(request => request.slow === true)
  return { bytes: writer.finish(), requests: all, firstSequence, slow }
}

/** `struct nfgenmsg` whose res_id is the subsystem that the batch is for. */
function border(generation: number | undefined): Uint8Array {
  const writer = new ByteWriter().u8(0).u8(0).be16(NFNL_SUBSYS_NFTABLES)
  attributes.write(writer, generation === undefined ? {} : { generation })
  return writer.finish()
}
