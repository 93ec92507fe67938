import { inspect, isDeepStrictEqual } from 'node:util'
import { errorText, hasCode, PodlaceError } from '../../../src/base/index.ts'

/** What the inputs of a target look like, so that mutators can keep their form. */
export type Form = 'bytes' | 'text' | 'json' | 'attributes'

/** One decoder of outside bytes, with the promise that its room makes for it. */
export interface Target {
  /** The room and what is read: `netlink.route`. */
  readonly name: string
  readonly form: Form
  /** Inputs that are read well, or nearly. */
  readonly seeds: readonly Uint8Array[]
  /** The codes it may throw; a code stands for those below it. */
  readonly errors: readonly string[]
  /** Reads the input. Throws what the decoder throws, and `BrokenPromise`. */
  run(input: Uint8Array): unknown
}

/** A property of the target does not hold, though nothing was thrown. */
export class BrokenPromise extends Error {}

/** `T` is what the decoder returns; a promise of it goes for `run` alone, without an encoder. */
interface TargetSpec<T> extends Omit<Target, 'run' | 'seeds'> {
  readonly seeds: readonly (string | Uint8Array)[]
  decode(input: Uint8Array): T
  /** Where there is an encoder: what decodes to the same value again. It may refuse a value, as a PodlaceError. */
  encode?(value: T): Uint8Array | string
  /** The part of the value that the encoder writes; default all of it. */
  written?(value: T): unknown
}

/** A target from its decoder and, if there is one, its encoder. */
export function target<T>(spec: TargetSpec<T>): Target {
  const { name, form, errors, seeds } = spec
  return {
    name,
    form,
    errors,
    seeds: seeds.map(bytesOf),
    run(input) {
      const value = spec.decode(input)
      checkRoundTrip(spec, value)
      return value
    },
  }
}

function bytesOf(input: string | Uint8Array): Uint8Array {
  return typeof input === 'string' ? Buffer.from(input) : input
}

function checkRoundTrip<T>({ decode, encode, written = whole => whole }: TargetSpec<T>, value: T): void {
  if (encode === undefined) return
  let bytes: Uint8Array
  try {
    bytes = bytesOf(encode(value))
  } catch (error) {
    if (error instanceof PodlaceError) return
    throw error
  }
  let again: T
  try {
    again = decode(bytes)
  } catch (error) {
    throw new BrokenPromise(`what was encoded is not decoded: ${errorText(error)}`)
  }
  if (isDeepStrictEqual(written(again), written(value))) return
  const texts = [value, again].map(one => inspect(written(one), { breakLength: Infinity }))
  throw new BrokenPromise(`decoded, encoded and decoded again: ${texts.join(' has become ')}`)
}

export type Verdict =
  | { readonly kind: 'value' | 'refused' }
  | { readonly kind: 'crash'; readonly crash: Crash }

/** A broken promise of a target. */
export interface Crash {
  /** The same for the same defect, as far as one can tell: the kind of error and the place it comes from. */
  readonly key: string
  readonly message: string
}

/** Runs one input and holds the outcome against what every target promises. */
export async function judge(one: Target, input: Uint8Array): Promise<Verdict> {
  const before = Object.getOwnPropertyDescriptors(Object.prototype)
  const verdict = await outcome(one, input)
  return restorePrototype(before) ? crashed('prototype', 'the input altered Object.prototype') : verdict
}

/** True if it was not as before; then it is again. */
function restorePrototype(before: PropertyDescriptorMap): boolean {
  const keys = Reflect.ownKeys(Object.prototype)
  const added = keys.filter(key => !Object.hasOwn(before, key))
  const changed = Reflect.ownKeys(before).filter(key => {
    return Reflect.getOwnPropertyDescriptor(Object.prototype, key)?.value !== before[key]?.value
  })
  for (const key of added) Reflect.deleteProperty(Object.prototype, key)
  for (const key of changed) Reflect.defineProperty(Object.prototype, key, before[key] ?? {})
  return added.length + changed.length > 0
}

async function outcome(one: Target, input: Uint8Array): Promise<Verdict> {
  try {
    const value = await one.run(input)
    if (!hasForeignPrototype(value)) return { kind: 'value' }
    return crashed('prototype', 'an object has a value of the input as its prototype')
  } catch (error) {
    if (one.errors.some(code => hasCode(error, code))) return { kind: 'refused' }
    const name = error instanceof Error ? error.constructor.name : typeof error
    return crashed(`${name} ${placeOf(error)}`, errorText(error).slice(0, 1_000))
  }
}

export function crashed(key: string, message: string): Verdict & { readonly kind: 'crash' } {
  return { kind: 'crash', crash: { key, message } }
}

/** True if something in the value inherits from an object that is no class's prototype: `__proto__` was assigned. */
function hasForeignPrototype(value: unknown, depth = 0): boolean {
  if (typeof value !== 'object' || value === null || depth > 20 || ArrayBuffer.isView(value)) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  if (typeof prototype === 'object' && prototype !== null && !Object.hasOwn(prototype, 'constructor'))
    return true
  return Object.values(value).some(inner => hasForeignPrototype(inner, depth + 1))
}

/** The innermost line of our own sources in the stack. */
function placeOf(error: unknown): string {
  const stack = error instanceof Error ? (error.stack ?? '') : ''
  return /src\/[^\s?:)]+\.ts:\d+/.exec(stack)?.[0] ?? ''
}
