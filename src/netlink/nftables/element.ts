import { be32, be64, binary, text } from '../attribute-codecs.ts'
import { type AttributeCodec, attributeTable, listOf, writeAttribute } from '../attributes.ts'
import { malformed } from '../errors.ts'
import type { Message } from '../messages.ts'
import { type Data, data, valueData } from './data.ts'
import { type Family, NFT_MSG_NEWSETELEM, openNft, required, startNft } from './subsystem.ts'
import { decodeComment, encodeComment } from './userdata.ts'

/** Elements of sets and maps: NFTA_SET_ELEM_* (linux/netfilter/nf_tables.h); `nft add element`. */

const NFT_SET_ELEM_INTERVAL_END = 1
const NFT_SET_ELEM_CATCHALL = 2

/** An element as the kernel holds it; element-text.ts makes them from text. */
export interface Element {
  /** Absent for the catch-all element, `*`. */
  readonly key?: Uint8Array
  /** Last key, in interval sets of concatenations. */
  readonly keyEnd?: Uint8Array
  /** In interval sets of one type: `key` is the first one behind the interval. */
  readonly intervalEnd: boolean
  /** What a map has for the key. */
  readonly data?: Data
  /** The kernel keeps the first comment of a key that is added again. */
  readonly comment?: string
  readonly timeoutMs?: bigint
}

export const elementFields = {
  key: [1, 'NFTA_SET_ELEM_KEY', valueData],
  keyEnd: [10, 'NFTA_SET_ELEM_KEY_END', valueData],
  data: [2, 'NFTA_SET_ELEM_DATA', data],
  flags: [3, 'NFTA_SET_ELEM_FLAGS', be32],
  timeoutMs: [4, 'NFTA_SET_ELEM_TIMEOUT', be64],
  userdata: [6, 'NFTA_SET_ELEM_USERDATA', binary],
} as const

const elementAttributes = attributeTable(elementFields)

export const element: AttributeCodec<Element> = {
  nested: true,
  write(writer, { key, keyEnd, data, intervalEnd, comment, timeoutMs }) {
    const flags =
      (intervalEnd ? NFT_SET_ELEM_INTERVAL_END : 0) | (key === undefined ? NFT_SET_ELEM_CATCHALL : 0)
    elementAttributes.write(writer, {
      key,
      keyEnd,
      data,
      flags: flags === 0 ? undefined : flags,
      timeoutMs,
      userdata: comment === undefined ? undefined : encodeComment(comment),
    })
  },
  read(payload) {
    const { flags = 0, userdata, ...rest } = elementAttributes.read(payload)
    if (rest.key === undefined && (flags & NFT_SET_ELEM_CATCHALL) === 0) {
      throw malformed('a set element', 'it has no key')
    }
    const comment = decodeComment(userdata)
    const intervalEnd = (flags & NFT_SET_ELEM_INTERVAL_END) !== 0
    return { ...rest, intervalEnd, ...(comment === undefined ? {} : { comment }) }
  },
}

/** Elements of one set, as they stand in one message. A dump gives several. */
export interface ElementMessage {
  readonly family: Family
  readonly table: string
  readonly set: string
  readonly elements: readonly Element[]
}

/** NFTA_LIST_ELEM. */
const LIST_ELEMENT = 1

export const elementListFields = {
  table: [1, 'NFTA_SET_ELEM_LIST_TABLE', text],
  set: [2, 'NFTA_SET_ELEM_LIST_SET', text],
  elements: [3, 'NFTA_SET_ELEM_LIST_ELEMENTS', listOf(LIST_ELEMENT, element)],
} as const

const listAttributes = attributeTable(elementListFields)

export type SetName = Pick<ElementMessage, 'family' | 'table' | 'set'>

/** A message about the set as a whole. */
export function encodeSetName({ family, table, set }: SetName): Uint8Array {
  const writer = startNft(family)
  listAttributes.write(writer, { table, set })
  return writer.finish()
}

/** The elements of one message stand in one attribute, which holds 65,531 bytes; an element has some hundred. */
const ELEMENT_BYTES_FULL = 60_000

/** A message with as many of the elements from `start` on as go into it, and how many those are. */
export function encodeElements(
  { family, table, set }: SetName,
  elements: readonly Element[],
  start: number,
): { body: Uint8Array; count: number } {
  const writer = startNft(family)
  listAttributes.write(writer, { table, set })
  const list = writer.begin(elementListFields.elements[0], true)
  let count = 0
  for (const full = list + ELEMENT_BYTES_FULL; writer.length < full; count += 1) {
    const next = elements[start + count]
    if (next === undefined) break
    writeAttribute(writer, LIST_ELEMENT, element, next)
  }
  return { body: writer.end(list).finish(), count }
}

/** @throws NetlinkError `netlink.malformed` */
export function decodeElementMessage(message: Message): ElementMessage {
  const what = 'nftables set elements'
  const { family, reader } = openNft(message, NFT_MSG_NEWSETELEM, what)
  const { table, set, elements } = listAttributes.read(reader)
  return {
    family,
    table: required(table, what, 'NFTA_SET_ELEM_LIST_TABLE'),
    set: required(set, what, 'NFTA_SET_ELEM_LIST_SET'),
    elements: elements ?? [],
  }
}
