import { malformed } from './errors.ts'

/**
 * Protocol buffers, the part of proto3 that the services we call need (https://protobuf.dev/programming-guides/encoding).
 * A message is described by a table of its fields, from which its type follows.
 */

/** What a field carries: the value of a varint, or the bytes of a length-delimited record. */
type Payload = bigint | Uint8Array

/** How one value becomes a payload. */
interface Scalar<T> {
  /** What an absent value means; it is not sent. */
  readonly absent: T
  encode(value: T): Payload
  decode(payload: Payload): T
}

export interface Field<T> {
  readonly number: number
  /** A payload for each record of the field; none for an absent value. */
  encode(value: T): Payload[]
  decode(payloads: readonly Payload[]): T
}

/** Fields that are not listed are passed over when read. */
export interface Message<T> {
  encode(value: T): Uint8Array
  /** @throws GrpcError `grpc.malformed` */
  decode(bytes: Uint8Array): T
}

export type ValueOf<M> = M extends Message<infer T> ? T : never

/** `string`. */
export const text: Scalar<string> = {
  absent: '',
  encode: value => Buffer.from(value),
  decode: payload => Buffer.from(bytesIn(payload)).toString('utf8'),
}

/** `bytes`. */
export const blob: Scalar<Uint8Array> = {
  absent: new Uint8Array(),
  encode: value => value,
  decode: bytesIn,
}

/** `bool`. */
export const flag: Scalar<boolean> = {
  absent: false,
  encode: value => (value ? 1n : 0n),
  decode: payload => varintIn(payload) !== 0n,
}

/** `int32`, `int64`, `uint32` and enumerations: whole numbers that JavaScript represents exactly. */
export const integer: Scalar<number> = {
  absent: 0,
  encode: value => BigInt.asUintN(64, BigInt(value)),
  decode: payload => {
    const value = Number(BigInt.asIntN(64, varintIn(payload)))
    if (Number.isSafeInteger(value)) return value
    throw malformed(`the number ${value} is too great`)
  },
}

/** `int64` in its whole range. */
export const bigInteger: Scalar<bigint> = {
  absent: 0n,
  encode: value => BigInt.asUintN(64, value),
  decode: payload => BigInt.asIntN(64, varintIn(payload)),
}

/** One value; of several records the last one counts. */
export function field<T>(number: number, type: Scalar<T>): Field<T> {
  return {
    number,
    encode: value => (value === type.absent ? [] : [type.encode(value)]),
    decode: payloads => {
      const last = payloads.at(-1)
      return last === undefined ? type.absent : type.decode(last)
    },
  }
}

/** A message within a message; one that is absent is undefined. */
export function nested<T>(number: number, type: Message<T>): Field<T | undefined> {
  return field<T | undefined>(number, {
    absent: undefined,
    encode: value => (value === undefined ? new Uint8Array() : type.encode(value)),
    decode: payload => type.decode(bytesIn(payload)),
  })
}

/** `repeated string`. */
export function texts(number: number): Field<readonly string[]> {
  return {
    number,
    encode: values => values.map(text.encode),
    decode: payloads => payloads.map(text.decode),
  }
}

/** `repeated` messages. */
export function list<T>(number: number, type: Message<T>): Field<readonly T[]> {
  return {
    number,
    encode: values => values.map(type.encode),
    decode: payloads => payloads.map(payload => type.decode(bytesIn(payload))),
  }
}

/** `map<string, string>`: on the wire a list of pairs. */
export function textMap(number: number): Field<ReadonlyMap<string, string>> {
  const pairs = list(number, pair)
  return {
    number,
    encode: value => pairs.encode([...value].map(([key, item]) => ({ key, item }))),
    decode: payloads => new Map(pairs.decode(payloads).map(({ key, item }) => [key, item])),
  }
}

export function message<T extends object>(
  fields: {
    readonly [Name in keyof T]: Field<T[Name]>
  },
): Message<T> {
  const names = Object.keys(fields) as (keyof T)[]
  return {
    encode: value =>
      Buffer.concat(
        names.flatMap(name => {
          const { number, encode } = fields[name]
          return encode(value[name]).flatMap(payload => encodeRecord(number, payload))
        }),
      ),
    decode: bytes => {
      const records = decodeRecords(bytes)
      const values = names.map(name => [name, fields[name].decode(records.get(fields[name].number) ?? [])])
      return Object.fromEntries(values) as T
    },
  }
}

const pair = message<{ key: string; item: string }>({ key: field(1, text), item: field(2, text) })

const WIRE_TYPE = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const

function encodeRecord(number: number, payload: Payload): Uint8Array[] {
  if (typeof payload === 'bigint') return [varint(BigInt((number << 3) | WIRE_TYPE.varint)), varint(payload)]
  return [varint(BigInt((number << 3) | WIRE_TYPE.bytes)), varint(BigInt(payload.length)), payload]
}

function varint(value: bigint): Uint8Array {
  const bytes: number[] = []
  for (let rest = value; ; rest >>= 7n) {
    if (rest < 0x80n) return Uint8Array.from([...bytes, Number(rest)])
    bytes.push(Number(rest & 0x7fn) | 0x80)
  }
}

/** Payloads by field number, in the order in which they came. */
function decodeRecords(bytes: Uint8Array): Map<number, Payload[]> {
  const records = new Map<number, Payload[]>()
  const reader = new Reader(bytes)
  while (!reader.atEnd) {
    const tag = reader.varint()
    const number = Number(tag >> 3n)
    if (number === 0) throw malformed('it has a field number 0')
    const payload = reader.payload(Number(tag & 7n))
    const before = records.get(number)
    if (before === undefined) records.set(number, [payload])
    else before.push(payload)
  }
  return records
}

class Reader {
  private readonly bytes: Uint8Array
  private at = 0

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
  }

  get atEnd(): boolean {
    return this.at === this.bytes.length
  }

  payload(wireType: number): Payload {
    switch (wireType) {
      case WIRE_TYPE.varint:
        return this.varint()
      case WIRE_TYPE.bytes:
        return this.take(Number(this.varint()))
      case WIRE_TYPE.fixed64:
        return this.take(8)
      case WIRE_TYPE.fixed32:
        return this.take(4)
      default:
        throw malformed(`it has the wire type ${wireType}`)
    }
  }

  private take(length: number): Uint8Array {
    const end = this.at + length
    if (end > this.bytes.length) throw malformed(`it ends ${end - this.bytes.length} bytes too early`)
    const taken = this.bytes.subarray(this.at, end)
    this.at = end
    return taken
  }

  /** At most 64 bits in at most 10 bytes. */
  varint(): bigint {
    let value = 0n
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.take(1)[0] ?? 0
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) return BigInt.asUintN(64, value)
    }
    throw malformed('a number has more than 64 bits')
  }
}

function bytesIn(payload: Payload): Uint8Array {
  if (typeof payload !== 'bigint') return payload
  throw malformed(`expected bytes, found the number ${payload}`)
}

function varintIn(payload: Payload): bigint {
  if (typeof payload === 'bigint') return payload
  throw malformed(`expected a number, found ${payload.length} bytes`)
}
