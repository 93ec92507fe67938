import type { Message } from '../../netlink/index.ts'
import { BUILT_IN_CHAINS, IPTABLES_PREFIX, IPTABLES_TABLES } from '../entry.ts'

/** NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_* (linux/netfilter/nf_tables.h). */
const SUBSYSTEM = 0x0a00
const DELTABLE = SUBSYSTEM | 2
const NEWCHAIN = SUBSYSTEM | 3
const DELCHAIN = SUBSYSTEM | 5
const NEWRULE = SUBSYSTEM | 6
const DELRULE = SUBSYSTEM | 8
/** Ends the messages of a transaction. */
const NEWGEN = SUBSYSTEM | 15
const NFGENMSG_LENGTH = 4
const NLA_TYPE_MASK = 0x3fff
/** NFTA_TABLE_NAME, NFTA_CHAIN_TABLE, NFTA_RULE_TABLE, NFTA_SET_TABLE, NFTA_SET_ELEM_LIST_TABLE are all 1. */
const TABLE_ATTRIBUTE = 1
const NFTA_RULE_CHAIN = 2
const NFTA_CHAIN_NAME = 3
/** AF_INET and AF_INET6, which are also what tables of iptables have. */
const FAMILIES: ReadonlyMap<number, 4 | 6> = new Map([
  [2, 4],
  [10, 6],
])

export interface NftChanges {
  /** Names of the tables that others changed. */
  readonly tables: ReadonlySet<string>
  /** Each time that a transaction of others touched chains of ours among those of iptables, or lost what leads there. */
  readonly iptables: readonly (4 | 6)[]
}

/**
 * What others changed. A transaction whose last message bears `ownPortId` was sent by us, and what it did is known;
 * `iptables` is another program, whoever runs it. A transaction may be spread over several calls.
 */
export class NftEvents {
  private readonly ownPortId: () => number
  private readonly openTables = new Set<string>()
  private readonly openFamilies = new Set<4 | 6>()

  constructor(ownPortId: () => number) {
    this.ownPortId = ownPortId
  }

  fold(messages: readonly Message[]): NftChanges {
    const tables = new Set<string>()
    const iptables: (4 | 6)[] = []
    for (const message of messages) {
      if (message.type !== NEWGEN) {
        this.note(message)
        continue
      }
      if (message.portId !== this.ownPortId()) {
        for (const name of this.openTables) tables.add(name)
        iptables.push(...this.openFamilies)
      }
      this.openTables.clear()
      this.openFamilies.clear()
    }
    return { tables, iptables }
  }

  private note({ type, body }: Message): void {
    const table = textAttribute(body, TABLE_ATTRIBUTE)
    if (table === undefined) return
    this.openTables.add(table)
    const family = FAMILIES.get(body[0] ?? 0)
    if (family === undefined || !IPTABLES_TABLES.some(name => name === table)) return
    if (concernsIptables(type, body)) this.openFamilies.add(family)
  }
}

/** What others add to the built-in chains, or do in chains of their own, is their business. */
function concernsIptables(type: number, body: Uint8Array): boolean {
  switch (type) {
    case DELTABLE:
      return true
    case NEWCHAIN:
    case DELCHAIN:
      return isOurs(textAttribute(body, NFTA_CHAIN_NAME))
    case NEWRULE:
      return isOurs(textAttribute(body, NFTA_RULE_CHAIN))
    case DELRULE: {
      const chain = textAttribute(body, NFTA_RULE_CHAIN)
      return isOurs(chain) || BUILT_IN_CHAINS.some(name => name === chain)
    }
    default:
      return false
  }
}

function isOurs(chain: string | undefined): boolean {
  return chain?.startsWith(IPTABLES_PREFIX) === true
}

function textAttribute(body: Uint8Array, type: number): string | undefined {
  const view = Buffer.from(body.buffer, body.byteOffset, body.byteLength)
  let at = NFGENMSG_LENGTH
  while (at + 4 <= view.length) {
    const length = view.readUInt16LE(at)
    if (length < 4) return undefined
    if ((view.readUInt16LE(at + 2) & NLA_TYPE_MASK) === type) {
      return view.toString('utf8', at + 4, at + length).replace(/\0.*$/, '')
    }
    at += (length + 3) & ~3
  }
  return undefined
}
