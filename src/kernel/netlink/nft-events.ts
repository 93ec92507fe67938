import type { Message } from '../../netlink/index.ts'

/** (NFNL_SUBSYS_NFTABLES << 8) | NFT_MSG_NEWGEN: ends the messages of a transaction. */
const NEWGEN = 0x0a0f
const NFGENMSG_LENGTH = 4
const NLA_TYPE_MASK = 0x3fff
/** NFTA_TABLE_NAME, NFTA_CHAIN_TABLE, NFTA_RULE_TABLE, NFTA_SET_TABLE, NFTA_SET_ELEM_LIST_TABLE are all 1. */
const TABLE_ATTRIBUTE = 1

/**
 * Names of the tables that others changed. A transaction whose last message bears `ownPortId` was sent by us, and
 * what it did is known. A transaction may be spread over several calls.
 */
export class NftEvents {
  private readonly ownPortId: () => number
  private readonly open = new Set<string>()

  constructor(ownPortId: () => number) {
    this.ownPortId = ownPortId
  }

  fold(messages: readonly Message[]): ReadonlySet<string> {
    const changed = new Set<string>()
    for (const message of messages) {
      if (message.type === NEWGEN) {
        if (message.portId !== this.ownPortId()) for (const name of this.open) changed.add(name)
        this.open.clear()
      } else {
        const name = tableOf(message.body)
        if (name !== undefined) this.open.add(name)
      }
    }
    return changed
  }
}

function tableOf(body: Uint8Array): string | undefined {
  const view = Buffer.from(body.buffer, body.byteOffset, body.byteLength)
  let at = NFGENMSG_LENGTH
  while (at + 4 <= view.length) {
    const length = view.readUInt16LE(at)
    if (length < 4) return undefined
    if ((view.readUInt16LE(at + 2) & NLA_TYPE_MASK) === TABLE_ATTRIBUTE) {
      return view.toString('utf8', at + 4, at + length).replace(/\0.*$/, '')
    }
    at += (length + 3) & ~3
  }
  return undefined
}
