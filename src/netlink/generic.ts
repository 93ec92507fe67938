import { text, u16, u32 } from './attribute-codecs.ts'
import { attributeTable } from './attributes.ts'
import { ByteReader } from './byte-reader.ts'
import { ByteWriter } from './byte-writer.ts'
import { malformed } from './errors.ts'
import type { Message, Request } from './messages.ts'

/** Generic netlink, `struct genlmsghdr` (linux/genetlink.h): families that the kernel numbers when they come. */

const GENL_ID_CTRL = 0x10
const CTRL_CMD_GETFAMILY = 3

/** Command and version, ours and the family's; attributes follow. */
export interface GenericHeader {
  readonly command: number
  readonly version: number
}

/** A family as the kernel knows it now: another kernel, or the module loaded again, gives another id. */
export interface GenericFamily {
  /** `nlmsg_type` of its messages. */
  readonly id: number
  readonly name: string
  readonly version: number
  /** Largest attribute number that it takes. */
  readonly maxAttribute: number
}

export const familyFields = {
  id: [1, 'CTRL_ATTR_FAMILY_ID', u16],
  name: [2, 'CTRL_ATTR_FAMILY_NAME', text],
  version: [3, 'CTRL_ATTR_VERSION', u32],
  maxAttribute: [5, 'CTRL_ATTR_MAXATTR', u32],
} as const

const attributes = attributeTable(familyFields)

/** A writer that stands behind genlmsghdr. */
export function startGeneric({ command, version }: GenericHeader): ByteWriter {
  return new ByteWriter().u8(command).u8(version).u16(0)
}

/** A reader that stands behind genlmsghdr. @throws NetlinkError `netlink.malformed` */
export function readGeneric(message: Message): { readonly header: GenericHeader; readonly rest: ByteReader } {
  const rest = ByteReader.over(message.body)
  const header = { command: rest.u8(), version: rest.u8() }
  return { header, rest: rest.skip(2) }
}

/** `genl ctrl get name`. ENOENT if no module brings the family; the kernel looks for one first. */
export function getFamily(name: string): Request {
  const writer = startGeneric({ command: CTRL_CMD_GETFAMILY, version: 0 })
  attributes.write(writer, { name })
  const what = `look up the generic netlink family ${name}`
  return { type: GENL_ID_CTRL, flags: 0, body: writer.finish(), slow: true, what }
}

/** @throws NetlinkError `netlink.malformed` */
export function decodeFamily(message: Message): GenericFamily {
  const what = 'a generic netlink family'
  if (message.type !== GENL_ID_CTRL) throw malformed(what, `message type ${message.type}`)
  const { id, name, version = 0, maxAttribute = 0 } = attributes.read(readGeneric(message).rest)
  if (id === undefined || name === undefined) throw malformed(what, 'it has no id or no name')
  return { id, name, version, maxAttribute }
}
