import * as v from 'valibot'
import { issuesText } from '../base/index.ts'
import { tryParseAddress, tryParseInterfaceAddress, tryParseMac } from '../ip/index.ts'
import type { Lease } from './lease.ts'
import type { Client } from './messages.ts'

/** Where an interface is, for who comes back to it later. */
export interface Place {
  /** Path of its network namespace. */
  readonly netns: string
  /** SO_NETNS_COOKIE: what is at the path later may be another namespace. */
  readonly cookie: string
  /** What has its name later may be another interface; its index is given once. */
  readonly linkIndex: number
}

/** A lease that is looked after. */
export interface LeaseRecord {
  readonly containerId: string
  readonly ifName: string
  readonly network: string
  readonly place: Place
  readonly client: Client
  readonly lease: Lease
  /** Why the lease does not hold any more, in words. The interface has its address all the same. */
  readonly fault?: string
}

export function recordKey({
  containerId,
  network,
  ifName,
}: Pick<LeaseRecord, 'containerId' | 'network' | 'ifName'>): string {
  return `${containerId}/${network}/${ifName}`
}

const text = v.string()
const number = v.number()
const parsed = (parse: (text: string) => unknown) =>
  v.pipe(
    text,
    v.check(value => parse(value) !== undefined),
  )
const bytes = v.pipe(
  text,
  v.hexadecimal(),
  v.transform(hex => new Uint8Array(Buffer.from(hex, 'hex'))),
)

const schema = v.strictObject({
  containerId: text,
  ifName: text,
  network: text,
  place: v.strictObject({ netns: text, cookie: text, linkIndex: number }),
  client: v.strictObject({
    broadcast: v.boolean(),
    options: v.pipe(
      v.array(
        v.tuple([
          number,
          v.union([
            v.pipe(
              v.literal(''),
              v.transform(() => new Uint8Array()),
            ),
            bytes,
          ]),
        ]),
      ),
      v.transform(pairs => new Map(pairs)),
    ),
  }),
  lease: v.strictObject({
    address: parsed(tryParseInterfaceAddress),
    server: parsed(tryParseAddress),
    serverMac: parsed(tryParseMac),
    renewMs: number,
    rebindMs: number,
    endMs: number,
  }),
  fault: v.exactOptional(text),
})

/** As JSON; bytes are written in hexadecimal. */
export function encodeRecord(record: LeaseRecord): string {
  const options = Array.from(record.client.options, ([code, value]) => [
    code,
    Buffer.from(value).toString('hex'),
  ])
  return JSON.stringify({ ...record, client: { ...record.client, options } })
}

/** The record; or, in words, why it is none. */
export function decodeRecord(json: unknown): LeaseRecord | string {
  const result = v.safeParse(schema, json)
  return result.success ? result.output : issuesText(result.issues)
}
