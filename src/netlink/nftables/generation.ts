import { be32, text } from '../attribute-codecs.ts'
import { attributeTable } from '../attributes.ts'
import { ByteReader } from '../byte-reader.ts'
import { malformed } from '../errors.ts'
import type { Message, Request } from '../messages.ts'
import { NFT_MSG_GETGEN, NFT_MSG_NEWGEN, required, startNft } from './subsystem.ts'

/** The ruleset's generation: NFTA_GEN_* (linux/netfilter/nf_tables.h). Every commit counts it up. */

export interface Generation {
  readonly id: number
  /** Who made it, in events. */
  readonly processId?: number
  readonly processName?: string
}

export const generationFields = {
  id: [1, 'NFTA_GEN_ID', be32],
  processId: [2, 'NFTA_GEN_PROC_PID', be32],
  processName: [3, 'NFTA_GEN_PROC_NAME', text],
} as const

const attributes = attributeTable(generationFields)

/** Asks for the generation; `NetlinkClient.send` answers with one message for `decodeGeneration`. */
export function getGeneration(): Request {
  return {
    type: NFT_MSG_GETGEN,
    flags: 0,
    body: startNft(undefined).finish(),
    what: 'get the nftables generation',
  }
}

/** @throws NetlinkError `netlink.malformed` */
export function decodeGeneration(message: Message): Generation {
  const what = 'an nftables generation'
  if (message.type !== NFT_MSG_NEWGEN) throw malformed(what, `message type ${message.type}`)
  const { id, ...rest } = attributes.read(ByteReader.over(message.body).skip(4))
  return { id: required(id, what, 'NFTA_GEN_ID'), ...rest }
}
