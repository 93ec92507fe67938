import { be32, be64, binary, text } from '../attribute-codecs.ts'
import { attributeTable, listOf } from '../attributes.ts'
import { type Message, NLM_F_CREATE, NLM_F_DUMP, type Request } from '../messages.ts'
import { type Datatype, datatypesFromId, datatypesId, traitsOf } from './datatypes.ts'
import { registerLength } from './register.ts'
import {
  type Family,
  NFT_MSG_DELSET,
  NFT_MSG_GETSET,
  NFT_MSG_NEWSET,
  openNft,
  required,
  startNft,
} from './subsystem.ts'
import { type ByteOrder, decodeSetComment, encodeSetUserdata } from './userdata.ts'

/** Sets and maps: NFTA_SET_* (linux/netfilter/nf_tables.h); `nft add set`, `nft add map`. */

const NFT_SET_ANONYMOUS = 1
const NFT_SET_CONSTANT = 2
const NFT_SET_INTERVAL = 4
const NFT_SET_MAP = 8
const NFT_SET_TIMEOUT = 16
const NFT_SET_CONCAT = 0x80
/** NFT_DATA_VERDICT: the data type of verdict maps; the kernel knows their length. */
const NFT_DATA_VERDICT = 0xffff_ff00

export interface Set {
  readonly family: Family
  readonly table: string
  readonly name: string
  /** One type, or the parts of a concatenation. */
  readonly key: readonly Datatype[]
  /** A map has it. */
  readonly value?: readonly Datatype[] | 'verdict'
  /** Keys are prefixes or ranges. */
  readonly interval: boolean
  /** Elements may have a timeout. */
  readonly timeout?: boolean
  /** Elements cannot be changed once a rule uses the set. */
  readonly constant?: boolean
  readonly comment?: string
  /** Made by a rule and gone with it; only read. */
  readonly anonymous?: boolean
  readonly handle?: bigint
}

export const setDescriptionFields = {
  /** Elements expected: the kernel picks the data structure by it. */
  size: [1, 'NFTA_SET_DESC_SIZE', be32],
  concatenation: [
    2,
    'NFTA_SET_DESC_CONCAT',
    listOf(1, attributeTable({ length: [1, 'NFTA_SET_FIELD_LEN', be32] })),
  ],
} as const

export const setFields = {
  table: [1, 'NFTA_SET_TABLE', text],
  name: [2, 'NFTA_SET_NAME', text],
  flags: [3, 'NFTA_SET_FLAGS', be32],
  keyType: [4, 'NFTA_SET_KEY_TYPE', be32],
  keyLength: [5, 'NFTA_SET_KEY_LEN', be32],
  dataType: [6, 'NFTA_SET_DATA_TYPE', be32],
  dataLength: [7, 'NFTA_SET_DATA_LEN', be32],
  description: [9, 'NFTA_SET_DESC', attributeTable(setDescriptionFields)],
  id: [10, 'NFTA_SET_ID', be32],
  userdata: [13, 'NFTA_SET_USERDATA', binary],
  handle: [16, 'NFTA_SET_HANDLE', be64],
} as const

const attributes = attributeTable(setFields)

/**
 * `id` names the set to rules of the same batch; the kernel wants one even where, as here, rules name sets by name.
 * @throws NetlinkError `netlink.invalid-value` for a type whose length is unknown
 */
export function encodeSet(set: Set, id = 1): Uint8Array {
  const { family, table, name, key } = set
  const writer = startNft(family)
  attributes.write(writer, {
    table,
    name,
    flags: flagsOf(set),
    keyType: datatypesId(key),
    keyLength: registerLength(key),
    ...valueAttributes(set.value),
    ...(set.handle === undefined ? {} : { handle: set.handle }),
    id,
    // The lengths of the parts are for sets with ranges in several dimensions; others get EINVAL for them.
    ...(isPipapo(set)
      ? { description: { concatenation: key.map(type => ({ length: traitsOf(type).length })) } }
      : {}),
    ...userdataOf(set),
  })
  return writer.finish()
}

/** Ranges in several dimensions take another data structure (net/netfilter/nft_set_pipapo.c). */
function isPipapo(set: Set): boolean {
  return set.interval && set.key.length > 1
}

function flagsOf(set: Set): number {
  return (
    (set.anonymous === true ? NFT_SET_ANONYMOUS : 0) |
    (set.constant === true ? NFT_SET_CONSTANT : 0) |
    (set.interval ? NFT_SET_INTERVAL : 0) |
    (set.value === undefined ? 0 : NFT_SET_MAP) |
    (set.timeout === true ? NFT_SET_TIMEOUT : 0) |
    (isPipapo(set) ? NFT_SET_CONCAT : 0)
  )
}

function valueAttributes(value: Set['value']): { dataType?: number; dataLength?: number } {
  if (value === undefined) return {}
  if (value === 'verdict') return { dataType: NFT_DATA_VERDICT, dataLength: 0 }
  return { dataType: datatypesId(value), dataLength: registerLength(value) }
}

function byteOrderOf(types: readonly Datatype[]): ByteOrder | undefined {
  return types.length === 1 && types[0] !== undefined ? traitsOf(types[0]).byteOrder : undefined
}

function userdataOf({ key, value, comment }: Set): { userdata?: Uint8Array } {
  const keyByteOrder = byteOrderOf(key)
  const dataByteOrder = value === undefined || value === 'verdict' ? undefined : byteOrderOf(value)
  const userdata = encodeSetUserdata({
    ...(keyByteOrder === undefined ? {} : { keyByteOrder }),
    ...(dataByteOrder === undefined ? {} : { dataByteOrder }),
    ...(comment === undefined ? {} : { comment }),
  })
  return userdata.length === 0 ? {} : { userdata }
}

/** @throws NetlinkError `netlink.malformed` */
export function decodeSet(message: Message): Set {
  const what = 'an nftables set'
  const { family, reader } = openNft(message, NFT_MSG_NEWSET, what)
  const found = attributes.read(reader)
  const flags = found.flags ?? 0
  const comment = decodeSetComment(found.userdata)
  const isMap = (flags & NFT_SET_MAP) !== 0
  const value = found.dataType === NFT_DATA_VERDICT ? 'verdict' : datatypesFromId(found.dataType ?? 0)
  return {
    family,
    table: required(found.table, what, 'NFTA_SET_TABLE'),
    name: required(found.name, what, 'NFTA_SET_NAME'),
    key: datatypesFromId(found.keyType ?? 0),
    ...(isMap ? { value } : {}),
    interval: (flags & NFT_SET_INTERVAL) !== 0,
    ...((flags & NFT_SET_TIMEOUT) === 0 ? {} : { timeout: true }),
    ...((flags & NFT_SET_CONSTANT) === 0 ? {} : { constant: true }),
    ...((flags & NFT_SET_ANONYMOUS) === 0 ? {} : { anonymous: true }),
    ...(comment === undefined ? {} : { comment }),
    ...(found.handle === undefined ? {} : { handle: found.handle }),
  }
}

/** `nft add set`, `nft add map`; for a batch. One that exists with the same traits is no error. */
export function addSet(set: Set): Request {
  const what = `add set ${set.family} ${set.table} ${set.name}`
  return { type: NFT_MSG_NEWSET, flags: NLM_F_CREATE, body: encodeSet(set), what }
}

/** `nft delete set`. EBUSY while a rule uses it. */
export function deleteSet({ family, table, name }: Pick<Set, 'family' | 'table' | 'name'>): Request {
  const writer = startNft(family)
  attributes.write(writer, { table, name })
  return {
    type: NFT_MSG_DELSET,
    flags: 0,
    body: writer.finish(),
    what: `delete set ${family} ${table} ${name}`,
  }
}

/** `nft list sets`, for `NetlinkClient.dump`; the kernel filters. */
export function listSets(filter: { readonly family?: Family; readonly table?: string } = {}): Request {
  const { family, ...which } = filter
  const writer = startNft(family)
  attributes.write(writer, which)
  return { type: NFT_MSG_GETSET, flags: NLM_F_DUMP, body: writer.finish(), what: 'list nftables sets' }
}
