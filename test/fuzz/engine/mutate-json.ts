import type { Dice } from './dice.ts'
import { type Material, type Mutator, mutateBytes } from './mutate-bytes.ts'

/** JSON as it is written: objects keep the order of their keys, and `__proto__` is a key. */
type Json = string | number | boolean | null | Json[] | Map<string, Json>

/** Keys that would do harm to whoever assigns instead of defining. */
const HOSTILE_KEYS = ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', '']
const NUMBERS = [
  0,
  -0,
  1,
  -1,
  0.5,
  31,
  32,
  33,
  128,
  129,
  255,
  256,
  65_535,
  65_536,
  2 ** 31,
  2 ** 32,
  2 ** 53,
  1e308,
  -1e21,
]

const decoder = new TextDecoder()
const encoder = new TextEncoder()

/** Changes the tree that the bytes are the text of; bytes that are no JSON, and now and then others, as bytes. */
export function jsonMutator(): Mutator {
  const known = new WeakMap<Uint8Array, { readonly tree: Json | undefined }>()
  const treeOf = (bytes: Uint8Array): Json | undefined => {
    const found = known.get(bytes) ?? { tree: read(bytes) }
    known.set(bytes, found)
    return found.tree
  }
  return (parent, material) => {
    const { dice } = material
    if (dice.oneIn(8)) return mutateBytes(parent, material)
    if (dice.oneIn(64)) return nested(parent, dice)
    const tree = treeOf(parent)
    if (tree === undefined) return mutateBytes(parent, material)
    const words = new Words(material, treeOf(material.other) ?? null)
    let result = tree
    for (let rounds = 1 << dice.below(3); rounds > 0; rounds -= 1) result = changed(result, words)
    return encoder.encode(write(result))
  }
}

/**
 * The input with more elements in one of its lists until it is about as long as asked: copies of one that is there, each
 * with other numbers and texts. Undefined if it has no list with something in it.
 */
export function grownJson(parent: Uint8Array, dice: Dice): ((length: number) => Uint8Array) | undefined {
  const tree = read(parent)
  const lists = listsOf(tree ?? null).filter(one => one.length > 0)
  const [list = []] = lists.slice(dice.below(lists.length))
  const [element] = list
  if (tree === undefined || element === undefined) return undefined
  const size = write(element).length + 4
  return length => {
    const count = Math.max(0, Math.floor((length - parent.length) / size))
    const more = Array.from({ length: count }, (_, n) => numbered(element, n))
    return encoder.encode(write(replaced(tree, list, [...list, ...more])))
  }
}

function listsOf(tree: Json): Json[][] {
  const parts = Array.isArray(tree) ? tree : tree instanceof Map ? [...tree.values()] : []
  return [...(Array.isArray(tree) ? [tree] : []), ...parts.flatMap(listsOf)]
}

function numbered(tree: Json, n: number): Json {
  if (typeof tree === 'string') return `${tree}${n}`
  if (typeof tree === 'number') return tree + n
  if (Array.isArray(tree)) return tree.map(one => numbered(one, n))
  return tree instanceof Map ? new Map([...tree].map(([key, value]) => [key, numbered(value, n)])) : tree
}

function replaced(tree: Json, part: Json, by: Json): Json {
  if (tree === part) return by
  if (Array.isArray(tree)) return tree.map(one => replaced(one, part, by))
  return tree instanceof Map
    ? new Map([...tree].map(([key, value]) => [key, replaced(value, part, by)]))
    : tree
}

/** Where new leaves and keys come from. */
class Words {
  readonly dice: Dice
  private readonly dictionary: readonly Uint8Array[]
  private readonly other: Json

  constructor({ dice, dictionary }: Material, other: Json) {
    this.dice = dice
    this.dictionary = dictionary
    this.other = other
  }

  text(): string {
    if (this.dictionary.length === 0 || this.dice.oneIn(8)) return this.dice.pick(HOSTILE_KEYS)
    return decoder.decode(this.dice.pick(this.dictionary))
  }

  value(): Json {
    switch (this.dice.below(8)) {
      case 0:
        return null
      case 1:
        return this.dice.oneIn(2)
      case 2:
        return this.dice.pick(NUMBERS)
      case 3:
        return this.dice.oneIn(2) ? [] : new Map()
      case 4:
      case 5:
        return this.text()
      default:
        return partOf(this.other, this.dice)
    }
  }
}

/** The tree or something in it. */
function partOf(tree: Json, dice: Dice): Json {
  const parts = Array.isArray(tree) ? tree : tree instanceof Map ? [...tree.values()] : []
  return parts.length === 0 || dice.oneIn(3) ? tree : partOf(dice.pick(parts), dice)
}

/** Walks down to a random place and changes what is there. */
function changed(value: Json, words: Words): Json {
  const { dice } = words
  if (Array.isArray(value)) return changedList(value, words)
  if (value instanceof Map) return changedObject(value, words)
  if (dice.oneIn(2)) return words.value()
  if (typeof value === 'number') return value + dice.below(5) - 2
  if (typeof value !== 'string') return dice.oneIn(2) ? [value] : words.value()
  return decoder.decode(
    mutateBytes(encoder.encode(value), {
      dice,
      dictionary: [encoder.encode(words.text())],
      other: encoder.encode(words.text()),
    }),
  )
}

function changedList(list: readonly Json[], words: Words): Json {
  const { dice } = words
  const at = dice.below(list.length)
  const there = list.slice(at, at + 1)
  if (dice.below(4) > 0)
    return [...list.slice(0, at), ...there.map(one => changed(one, words)), ...list.slice(at + 1)]
  if (dice.oneIn(3)) return [...list.slice(0, at), ...list.slice(at + 1)]
  const added = dice.oneIn(2)
    ? [words.value()]
    : Array.from({ length: 1 << dice.below(5) }, () => there).flat()
  return [...list.slice(0, at), ...added, ...list.slice(at)]
}

function changedObject(object: ReadonlyMap<string, Json>, words: Words): Json {
  const { dice } = words
  const result = new Map(object)
  const keys = [...object.keys()]
  if (keys.length === 0 || dice.oneIn(6)) return result.set(words.text(), words.value())
  const key = dice.pick(keys)
  const value = object.get(key) ?? null
  if (dice.below(5) > 0) return result.set(key, changed(value, words))
  result.delete(key)
  if (dice.oneIn(2)) result.set(dice.oneIn(2) ? dice.pick(HOSTILE_KEYS) : words.text(), value)
  return result
}

/** A place of the text buried under many brackets. */
function nested(text: Uint8Array, dice: Dice): Uint8Array {
  const colon = text.indexOf(0x3a, dice.below(text.length)) + 1
  const depth = 1 << dice.below(12)
  const [open, close] = dice.oneIn(2) ? ['[', ']'] : ['{"a":', '}']
  const deep = encoder.encode(`${open.repeat(depth)}1${close.repeat(depth)}`)
  return Uint8Array.from([
    ...text.subarray(0, colon),
    ...deep,
    ...(colon === 0 ? [] : [0x2c, ...text.subarray(colon)]),
  ])
}

/** Undefined for what is no JSON, or is nested too deeply for this file. */
function read(bytes: Uint8Array): Json | undefined {
  try {
    return fromPlain(JSON.parse(decoder.decode(bytes)))
  } catch {
    return undefined
  }
}

function fromPlain(value: unknown): Json {
  if (Array.isArray(value)) return value.map(fromPlain)
  if (typeof value === 'object' && value !== null) {
    return new Map(Object.entries(value).map(([key, inner]) => [key, fromPlain(inner)]))
  }
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? value : null
}

function write(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(write).join(',')}]`
  if (!(value instanceof Map)) return JSON.stringify(value)
  return `{${[...value].map(([key, inner]) => `${JSON.stringify(key)}:${write(inner)}`).join(',')}}`
}
