import type { Dice } from './dice.ts'
import { integerBytes, type Material, type Mutator, mutateBytes } from './mutate-bytes.ts'

/** A netlink attribute: its 16-bit type with all flags, and either attributes again or bytes. */
interface Attribute {
  readonly type: number
  readonly content: Uint8Array | readonly Attribute[]
}

/** Bytes of `struct nlmsghdr`. */
const MESSAGE_HEADER = 16
/** Bytes of the families' own headers: nfgenmsg, ifaddrmsg, rtmsg and ndmsg, ifinfomsg. */
const FAMILY_HEADERS = [4, 8, 12, 16]

/** Deeper nesting is taken for bytes. */
const DEPTH_MAX = 6

interface Parsed {
  readonly head: Uint8Array
  readonly attributes: readonly Attribute[]
}

/**
 * Changes one message of attributes so that all lengths still fit; now and then as bytes, so that they do not.
 * The message may be of any family: where its attributes begin is tried out.
 */
export function attributeMutator(): Mutator {
  const known = new WeakMap<Uint8Array, Parsed>()
  const parsed = (message: Uint8Array): Parsed => {
    const found = known.get(message) ?? parseMessage(message)
    known.set(message, found)
    return found
  }
  return (parent, material) => {
    const { dice } = material
    const { head, attributes } = parsed(parent)
    if (attributes.length === 0 || dice.oneIn(6)) return mutateBytes(parent, material)
    const changed = dice.oneIn(8)
      ? [...attributes, ...some(parsed(material.other).attributes, dice)]
      : changedList(attributes, material)
    return Buffer.concat([dice.oneIn(4) ? mutateBytes(head, material) : head, encodeAttributes(changed)])
  }
}

function parseMessage(message: Uint8Array): Parsed {
  for (const length of FAMILY_HEADERS) {
    const start = MESSAGE_HEADER + length
    const attributes = parseAttributes(message.subarray(start))
    if (attributes !== undefined) return { head: message.subarray(0, start), attributes }
  }
  return { head: message, attributes: [] }
}

function changedList(list: readonly Attribute[], material: Material): Attribute[] {
  const { dice } = material
  const at = dice.below(list.length)
  const before = list.slice(0, at)
  const after = list.slice(at + 1)
  const there = list.slice(at, at + 1)
  switch (dice.below(8)) {
    case 0:
      return [...before, ...after]
    case 1:
      return [...before, ...there, ...there, ...after]
    case 2:
    case 3:
      return [...list, added(material)]
    case 4:
      return [...before, ...there.map(one => ({ ...one, type: changedType(one.type, dice) })), ...after]
    default:
      return [
        ...before,
        ...there.map(one => ({ ...one, content: changedContent(one.content, material) })),
        ...after,
      ]
  }
}

/** Most attributes are one number of 32 bits, and most types are low. */
function added({ dice, dictionary }: Material): Attribute {
  const type = dice.below(dice.pick([8, 32, 64]))
  if (dictionary.length > 0 && dice.oneIn(2)) return { type, content: dice.pick(dictionary) }
  return { type, content: integerBytes(dice, dice.below(2 ** dice.below(33)), 4) }
}

function changedContent(content: Attribute['content'], material: Material): Attribute['content'] {
  if (content instanceof Uint8Array) return changedBytes(content, material)
  return material.dice.oneIn(8) ? [{ type: 1, content }] : changedList(content, material)
}

function changedBytes(bytes: Uint8Array, material: Material): Uint8Array {
  const { dice, dictionary } = material
  if (dice.oneIn(4)) return integerBytes(dice, dice.below(2 ** dice.below(33)))
  if (dictionary.length > 0 && dice.oneIn(4)) return dice.pick(dictionary)
  return mutateBytes(bytes, material)
}

/** A low number, or the same one with NLA_F_NESTED or NLA_F_NET_BYTEORDER turned. */
function changedType(type: number, dice: Dice): number {
  return dice.oneIn(4) ? type ^ dice.pick([0x8000, 0x4000]) : (type & 0xc000) | dice.below(64)
}

function some(attributes: readonly Attribute[], dice: Dice): readonly Attribute[] {
  const at = dice.below(attributes.length)
  return attributes.slice(at, at + 1 + dice.below(3))
}

/** Undefined for bytes that are not attributes one after the other. */
function parseAttributes(bytes: Uint8Array, depth = 0): Attribute[] | undefined {
  const attributes: Attribute[] = []
  for (let at = 0; at < bytes.length; ) {
    const length = uint16(bytes, at)
    if (length < 4 || at + length > bytes.length) return undefined
    const payload = bytes.subarray(at + 4, at + length)
    // An empty payload could be both; bytes are what can be changed into anything.
    const isNested = payload.length > 0 && depth < DEPTH_MAX
    const inner = isNested ? parseAttributes(payload, depth + 1) : undefined
    attributes.push({ type: uint16(bytes, at + 2), content: inner ?? payload })
    at += (length + 3) & ~3
  }
  return attributes
}

function uint16(bytes: Uint8Array, at: number): number {
  return (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8)
}

function encodeAttributes(attributes: readonly Attribute[]): Uint8Array {
  return Buffer.concat(
    attributes.flatMap(({ type, content }) => {
      const payload = content instanceof Uint8Array ? content : encodeAttributes(content)
      const header = Buffer.alloc(4)
      header.writeUInt16LE((4 + payload.length) & 0xffff)
      header.writeUInt16LE(type, 2)
      return [header, payload, Buffer.alloc((4 - (payload.length % 4)) % 4)]
    }),
  )
}
