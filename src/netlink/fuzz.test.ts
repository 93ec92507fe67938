import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { hasCode } from '../base/index.ts'
import { decodeAcknowledgement } from './acknowledgement.ts'
import {
  decodeAddress,
  decodeClass,
  decodeEvent,
  decodeFamily,
  decodeFdb,
  decodeFilter,
  decodeLink,
  decodeNeighbour,
  decodeQdisc,
  decodeRoute,
  decodeRule,
  decodeWireguardPart,
  joinWireguardDevice,
  nft,
} from './index.ts'
import { decodeMessages, type Message, parseEvents } from './messages.ts'
import { vectorGroups } from './vectors/commands.ts'
import { readVectors } from './vectors/vectors.ts'

/** Whatever the bytes are: an object, or `netlink.malformed`. Never another exception, never a hang. */

const decoders: readonly ((message: Message) => unknown)[] = [
  decodeAcknowledgement,
  decodeAddress,
  decodeClass,
  decodeEvent,
  decodeFdb,
  decodeFilter,
  decodeLink,
  decodeNeighbour,
  decodeQdisc,
  decodeRoute,
  decodeRule,
  decodeFamily,
  message => joinWireguardDevice([decodeWireguardPart(message)]),
  nft.decodeTable,
  nft.decodeChain,
  nft.decodeRule,
  nft.decodeSet,
  nft.decodeGeneration,
  decodeElements,
]

/** Elements of unknown origin, read as those of sets that they may not belong to. */
function decodeElements(message: Message): unknown {
  const { elements } = nft.decodeElementMessage(message)
  return [
    nft.keyedElements({ key: ['ipv4_addr'], interval: true }, elements),
    nft.keyedElements({ key: ['ipv6_addr', 'ifname'], value: ['mark'], interval: false }, elements),
  ]
}

function survives(decode: () => unknown): void {
  try {
    decode()
  } catch (error) {
    assert.ok(hasCode(error, 'netlink.malformed'), `not netlink.malformed: ${String(error)}`)
  }
}

function decodeAll(datagram: Uint8Array): void {
  survives(() => parseEvents([datagram]))
  survives(() => {
    for (const message of decodeMessages(datagram)) {
      for (const decode of decoders) survives(() => decode(message))
    }
  })
}

const messageType = fc.oneof(
  fc.integer({ min: 0, max: 48 }),
  fc.integer({ min: 0, max: 25 }).map(type => 0xa00 | type),
)
const body = fc.uint8Array({ maxLength: 200, size: 'max' })

test('random bodies', () => {
  fc.assert(
    fc.property(messageType, body, fc.integer({ min: 0, max: 0xffff }), (type, bytes, flags) => {
      const message = { type, flags, sequence: 0, portId: 0, body: bytes }
      for (const decode of decoders) survives(() => decode(message))
    }),
    { numRuns: 1000 },
  )
})

test('random datagrams', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 100 }), decodeAll), { numRuns: 500 })
})

const vectors = vectorGroups.flatMap(({ name }) => [...readVectors(name).values()].flat())

test('recorded messages are read without complaint', () => {
  for (const vector of vectors) {
    const read = decodeMessages(vector).flatMap(message =>
      decoders.filter(decode => {
        try {
          return decode(message) !== undefined
        } catch {
          return false
        }
      }),
    )
    // Changes of links need not name them, and deletions lack what an object must have.
    const isObject = [20, 24, 28, 32, 36, 44].includes(vector[4] ?? 0) && vector[5] === 0
    assert.ok(read.length > 0 || !isObject, Buffer.from(vector).toString('hex'))
  }
})

test('recorded messages with bytes changed, cut or doubled', () => {
  const mutation = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), {
    minLength: 1,
    maxLength: 4,
  })
  fc.assert(
    fc.property(fc.constantFrom(...vectors), mutation, fc.nat(), (vector, changes, cut) => {
      const bytes = vector.slice()
      for (const [at, value] of changes) bytes[at % bytes.length] = value
      decodeAll(bytes)
      decodeAll(bytes.subarray(0, cut % bytes.length))
      decodeAll(Uint8Array.from([...bytes, ...bytes]))
    }),
    { numRuns: 1500 },
  )
})
