import { be32, be64, binary, text } from '../attribute-codecs.ts'
import { attributeTable } from '../attributes.ts'
import { type Message, NLM_F_CREATE, NLM_F_DUMP, NLM_F_EXCL, type Request } from '../messages.ts'
import {
  type Family,
  NFT_MSG_DELTABLE,
  NFT_MSG_GETTABLE,
  NFT_MSG_NEWTABLE,
  openNft,
  required,
  startNft,
} from './subsystem.ts'
import { decodeComment, encodeComment } from './userdata.ts'

/** Tables: NFTA_TABLE_* (linux/netfilter/nf_tables.h); `nft add table`. */

export interface Table {
  readonly family: Family
  readonly name: string
  readonly comment?: string
  /** NFT_TABLE_F_*: 1 dormant, 2 owned by a process. */
  readonly flags?: number
  /** Given by the kernel; never reused while it runs. */
  readonly handle?: bigint
}

export const tableFields = {
  name: [1, 'NFTA_TABLE_NAME', text],
  flags: [2, 'NFTA_TABLE_FLAGS', be32],
  handle: [4, 'NFTA_TABLE_HANDLE', be64],
  userdata: [6, 'NFTA_TABLE_USERDATA', binary],
} as const

const attributes = attributeTable(tableFields)

export function encodeTable({ family, comment, ...rest }: Table): Uint8Array {
  const writer = startNft(family)
  attributes.write(writer, {
    ...rest,
    ...(comment === undefined ? {} : { userdata: encodeComment(comment) }),
  })
  return writer.finish()
}

/** @throws NetlinkError `netlink.malformed` */
export function decodeTable(message: Message): Table {
  const { family, reader } = openNft(message, NFT_MSG_NEWTABLE, 'an nftables table')
  const { userdata, name, ...rest } = attributes.read(reader)
  const comment = decodeComment(userdata)
  return {
    family,
    name: required(name, 'an nftables table', 'NFTA_TABLE_NAME'),
    ...rest,
    ...(comment === undefined ? {} : { comment }),
  }
}

/** `nft add table`; for a batch. One that exists is no error and keeps its comment. */
export function addTable(table: Table): Request {
  return {
    type: NFT_MSG_NEWTABLE,
    flags: 0,
    body: encodeTable(table),
    what: `add table ${table.family} ${table.name}`,
  }
}

/** `nft create table`: EEXIST if it exists. */
export function createTable(table: Table): Request {
  const request = addTable(table)
  return { ...request, flags: NLM_F_CREATE | NLM_F_EXCL, what: `create table ${table.family} ${table.name}` }
}

/** `nft delete table`, with all that is in it. ENOENT if there is none. */
export function deleteTable(table: Pick<Table, 'family' | 'name'>): Request {
  return {
    type: NFT_MSG_DELTABLE,
    flags: 0,
    body: encodeTable({ family: table.family, name: table.name }),
    what: `delete table ${table.family} ${table.name}`,
  }
}

/** `nft list tables`, for `NetlinkClient.dump`. */
export function listTables(filter: { readonly family?: Family } = {}): Request {
  const body = startNft(filter.family).finish()
  return { type: NFT_MSG_GETTABLE, flags: NLM_F_DUMP, body, what: 'list nftables tables' }
}
