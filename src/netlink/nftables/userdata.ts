import { ByteReader } from '../byte-reader.ts'
import { ByteWriter, hostLittleEndian } from '../byte-writer.ts'
import { invalidValue } from '../errors.ts'

/**
 * User data that the kernel keeps and does not read: one byte type, one byte length, value (libnftnl/udata.h).
 * `nft list ruleset` shows the comments in it.
 */

/** Comments are at most this long, the NUL that ends them not counted (NFTNL_UDATA_COMMENT_MAXLEN). */
export const COMMENT_MAX_BYTES = 128

/** Type of the comment in tables, chains, rules and elements; sets have another. */
const UDATA_COMMENT = 0
const UDATA_SET_KEYBYTEORDER = 0
const UDATA_SET_DATABYTEORDER = 1
const UDATA_SET_COMMENT = 7

export type ByteOrder = 'host' | 'big'
const BYTEORDER_HOST_ENDIAN = 1
const BYTEORDER_BIG_ENDIAN = 2

/** @throws NetlinkError `netlink.invalid-value` for a comment that is too long */
export function encodeComment(comment: string): Uint8Array {
  const writer = new ByteWriter(16)
  writeComment(writer, UDATA_COMMENT, comment)
  return writer.finish()
}

/** Undefined if there is none, or if the bytes are somebody's own format. */
export function decodeComment(userdata: Uint8Array | undefined): string | undefined {
  return userdata === undefined ? undefined : commentText(entries(userdata).get(UDATA_COMMENT))
}

export interface SetUserdata {
  readonly keyByteOrder?: ByteOrder
  readonly dataByteOrder?: ByteOrder
  readonly comment?: string
}

/** What `nft` needs to print a set: without the byte order it shows marks with their bytes swapped. */
export function encodeSetUserdata(userdata: SetUserdata): Uint8Array {
  const writer = new ByteWriter(32)
  writeByteOrder(writer, UDATA_SET_KEYBYTEORDER, userdata.keyByteOrder)
  writeByteOrder(writer, UDATA_SET_DATABYTEORDER, userdata.dataByteOrder)
  if (userdata.comment !== undefined) writeComment(writer, UDATA_SET_COMMENT, userdata.comment)
  return writer.finish()
}

export function decodeSetComment(userdata: Uint8Array | undefined): string | undefined {
  return userdata === undefined ? undefined : commentText(entries(userdata).get(UDATA_SET_COMMENT))
}

function writeComment(writer: ByteWriter, type: number, comment: string): void {
  const bytes = Buffer.from(comment)
  if (bytes.length > COMMENT_MAX_BYTES) {
    throw invalidValue('a comment', `${bytes.length} bytes, nft allows ${COMMENT_MAX_BYTES}: "${comment}"`)
  }
  writer.u8(type).u8(bytes.length + 1)
  writer.bytes(bytes).u8(0)
}

function writeByteOrder(writer: ByteWriter, type: number, order: ByteOrder | undefined): void {
  if (order === undefined) return
  writer.u8(type).u8(4)
  writer.u32(order === 'big' || !hostLittleEndian ? BYTEORDER_BIG_ENDIAN : BYTEORDER_HOST_ENDIAN)
}

/** Anybody may write anything here, so bytes that do not parse are no entries rather than an error. */
function entries(userdata: Uint8Array): Map<number, Uint8Array> {
  const found = new Map<number, Uint8Array>()
  const reader = ByteReader.over(userdata)
  while (reader.remaining >= 2) {
    const type = reader.u8()
    const length = reader.u8()
    if (length > reader.remaining) break
    found.set(type, reader.bytes(length))
  }
  return found
}

function commentText(bytes: Uint8Array | undefined): string | undefined {
  if (bytes === undefined) return undefined
  const end = bytes.indexOf(0)
  return Buffer.from(bytes.subarray(0, end < 0 ? bytes.length : end)).toString('utf8')
}
