import type { Dice } from './dice.ts'

/** What a mutator may make use of besides its parent. */
export interface Material {
  readonly dice: Dice
  /** Constants of the code under test, as bytes. */
  readonly dictionary: readonly Uint8Array[]
  /** Another input of the corpus. */
  readonly other: Uint8Array
}

export type Mutator = (parent: Uint8Array, material: Material) => Uint8Array

/** The values at which arithmetic and lengths turn. */
const EDGE_VALUES = [0, 1, 2, 3, 4, 7, 8, 15, 16, 31, 32, 63, 64, 127, 128, 255, 256, 0x7fff, 0x8000, 0xffff]
const EDGE_VALUES_32 = [...EDGE_VALUES, 0x7fff_ffff, 0x8000_0000, 0xffff_fffe, 0xffff_ffff]

const changes: readonly Mutator[] = [
  (bytes, { dice }) =>
    written(bytes, [(byteAt(bytes, dice) ^ (1 << dice.below(8))) & 0xff], dice.below(bytes.length)),
  (bytes, { dice }) => written(bytes, [dice.below(256)], dice.below(bytes.length)),
  (bytes, { dice }) => {
    const at = dice.below(bytes.length)
    return written(bytes, [((bytes[at] ?? 0) + dice.below(35) - 17) & 0xff], at)
  },
  (bytes, { dice }) =>
    written(bytes, integerBytes(dice, dice.pick(EDGE_VALUES_32)), dice.below(bytes.length)),
  (bytes, { dice }) =>
    written(bytes, integerBytes(dice, dice.below(2 * bytes.length)), dice.below(bytes.length)),
  (bytes, { dice }) => {
    const [from, to] = rangeOf(bytes, dice)
    return spliced(bytes, from, to, [])
  },
  (bytes, { dice }) => {
    const at = dice.below(bytes.length + 1)
    const inserted = Uint8Array.from({ length: 1 + dice.below(8) }, () => dice.below(256))
    return spliced(bytes, at, at, inserted)
  },
  (bytes, { dice }) => {
    const at = dice.below(bytes.length + 1)
    return spliced(bytes, at, at, bytes.subarray(...rangeOf(bytes, dice)))
  },
  (bytes, { dice }) => written(bytes, bytes.subarray(...rangeOf(bytes, dice)), dice.below(bytes.length)),
  fromDictionary,
  fromDictionary,
  (bytes, { dice, other }) => {
    const [from, to] = rangeOf(bytes, dice)
    return spliced(bytes, from, to, other.subarray(...rangeOf(other, dice)))
  },
  (bytes, { dice, other }) =>
    spliced(bytes, dice.below(bytes.length), bytes.length, other.subarray(dice.below(other.length))),
  (bytes, { dice }) => {
    const [from, to] = rangeOf(bytes, dice)
    return spliced(bytes, to, to, repeated(bytes.subarray(from, to), 1 + dice.below(64)))
  },
]

/** A parent that has grown this long is not changed further. */
const LENGTH_MAX = 8192

/** One to eight random changes, mostly one, of single bytes, numbers, runs and words. */
export const mutateBytes: Mutator = (parent, material) => {
  let bytes = parent
  for (
    let rounds = material.dice.oneIn(2) ? 1 : 1 << material.dice.below(4);
    rounds > 0 && bytes.length < LENGTH_MAX;
    rounds -= 1
  ) {
    bytes = material.dice.pick(changes)(bytes, material)
  }
  return bytes
}

/** The input with a part of it repeated until it is about as long as asked. */
export function grownBytes(bytes: Uint8Array, dice: Dice): (length: number) => Uint8Array {
  const [from, to] = rangeOf(bytes, dice)
  const part = to > from ? bytes.subarray(from, to) : Uint8Array.of(dice.below(256))
  return length =>
    spliced(bytes, to, to, repeated(part, Math.max(0, Math.floor((length - bytes.length) / part.length))))
}

/** Puts a word of the dictionary in, or over what is there. */
function fromDictionary(bytes: Uint8Array, { dice, dictionary }: Material): Uint8Array {
  if (dictionary.length === 0) return bytes
  const word = dice.pick(dictionary)
  const at = dice.below(bytes.length + 1)
  return dice.oneIn(2) ? spliced(bytes, at, at, word) : written(bytes, word, at)
}

/** A number in one, two, four or eight bytes (by chance, if not given), in either order. */
export function integerBytes(dice: Dice, value: number, length = dice.pick([1, 2, 4, 8])): Uint8Array {
  const bytes = new Uint8Array(8)
  const view = new DataView(bytes.buffer)
  const littleEndian = dice.oneIn(2)
  view.setBigUint64(0, BigInt(value), littleEndian)
  return littleEndian ? bytes.subarray(0, length) : bytes.subarray(8 - length)
}

/** The bytes from `from` to `to` replaced. */
export function spliced(bytes: Uint8Array, from: number, to: number, by: ArrayLike<number>): Uint8Array {
  const result = new Uint8Array(bytes.length - (to - from) + by.length)
  result.set(bytes.subarray(0, from))
  result.set(by, from)
  result.set(bytes.subarray(to), from + by.length)
  return result
}

function repeated(bytes: Uint8Array, times: number): Uint8Array {
  const result = new Uint8Array(bytes.length * times)
  for (let n = 0; n < times; n += 1) result.set(bytes, n * bytes.length)
  return result
}

/** A run of bytes, short ones more often than long ones. */
function rangeOf(bytes: Uint8Array, dice: Dice): [from: number, to: number] {
  const length = 1 + dice.below(dice.oneIn(4) ? bytes.length : Math.min(bytes.length, 16))
  const from = dice.below(bytes.length - length + 1)
  return [from, Math.min(bytes.length, from + length)]
}

/** As `spliced`, without moving what is behind; what would stand behind the end is left out. */
function written(bytes: Uint8Array, values: ArrayLike<number>, at: number): Uint8Array {
  // not slice(): that of a Buffer is the same memory
  const result = Uint8Array.from(bytes)
  result.set(Array.from(values).slice(0, Math.max(0, bytes.length - at)), Math.min(at, bytes.length))
  return result
}

function byteAt(bytes: Uint8Array, dice: Dice): number {
  return bytes[dice.below(bytes.length)] ?? 0
}
