import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { hasCode } from '../base/index.ts'
import {
  DROP_REASONS,
  decodeReply,
  encodeConfigure,
  encodeStatusRequest,
  encodeTable,
  MAX_PEERS,
  MAX_PREFIXES,
  MAX_QUEUES,
} from './messages.ts'
import { Writer } from './wire.ts'

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')
const flat = (spaced: string) => spaced.replaceAll(' ', '')
const queues = (count: number) => Array.from({ length: count }, () => ({ tunFd: 3, udpFd: 4 }))

test('requests are as native/udp/request.h has them', () => {
  const configuration = { revision: 7n, tunnelAddress: '10.244.1.0', mtu: 1472, queues: queues(2) }
  assert.equal(hex(encodeConfigure(configuration)), flat('0101 0000000000000007 0af40100 05c0 02'))
  const table = {
    revision: 2n ** 64n - 1n,
    localPrefixes: ['10.244.1.0/24'],
    peers: [
      { address: '192.168.77.2', port: 8285, prefixes: ['10.244.2.0/24', '10.250.0.0/16'] },
      { address: '192.168.77.3', port: 1, prefixes: [] },
    ],
  }
  const peers = '0002 c0a84d02 205d 0002 0af4020018 0afa000010 c0a84d03 0001 0000'
  assert.equal(hex(encodeTable(table)), flat(`0102 ffffffffffffffff 0001 0af4010018 ${peers}`))
  assert.equal(hex(encodeStatusRequest()), '0103')
})

test('what a message cannot hold is refused before it is sent', () => {
  const table = { revision: 1n, localPrefixes: [], peers: [] }
  const peer = { address: '192.168.77.2', port: 8285, prefixes: ['10.244.2.0/24'] }
  const configuration = { revision: 1n, tunnelAddress: '10.244.1.0', mtu: 1472 }
  const refused = [
    () => encodeConfigure({ ...configuration, queues: [] }),
    () => encodeConfigure({ ...configuration, queues: queues(MAX_QUEUES + 1) }),
    () => encodeConfigure({ ...configuration, queues: queues(1), tunnelAddress: 'fd00::1' }),
    () => encodeTable({ ...table, localPrefixes: ['fd00::/64'] }),
    () => encodeTable({ ...table, peers: Array.from({ length: MAX_PEERS + 1 }, () => peer) }),
    () =>
      encodeTable({ ...table, localPrefixes: Array.from({ length: MAX_PREFIXES + 1 }, () => '10.0.0.0/8') }),
  ]
  for (const encode of refused) assert.throws(encode, error => hasCode(error, 'tunnel.unfit'))
  const fault = { ...table, peers: [{ ...peer, prefixes: ['10.244.2.1/24'] }] }
  assert.throws(
    () => encodeTable(fault),
    error => hasCode(error, 'ip.host-bits'),
  )
})

/** Body of a status reply with one peer. */
function statusBytes(): Uint8Array {
  const writer = new Writer(2 + 4 + 8 + 8 + 1 + 1 + 1 + 8 * DROP_REASONS.length + 2 + 6 + 4 * 8)
  writer.u8(1).u8(0x82).u32(4711).u64(7n).u64(8n).u8(2).u8(1).u8(DROP_REASONS.length)
  for (const index of DROP_REASONS.keys()) writer.u64(BigInt(index))
  writer
    .u16(1)
    .u32(0xc0a84d02)
    .u16(8285)
    .u64(1n)
    .u64(2n)
    .u64(3n)
    .u64(2n ** 63n)
  return writer.bytes
}

test('replies are read', () => {
  assert.deepEqual(decodeReply(Uint8Array.of(1, 0x80)), { kind: 'done' })
  const words = Buffer.concat([Uint8Array.of(1, 0x81), Buffer.from('expected more')])
  assert.deepEqual(decodeReply(words), { kind: 'refused', message: 'expected more' })
  assert.deepEqual(decodeReply(statusBytes()), {
    kind: 'status',
    status: {
      pid: 4711,
      configurationRevision: 7n,
      tableRevision: 8n,
      queues: 2,
      udpSegmentation: true,
      drops: new Map(DROP_REASONS.map((reason, index) => [reason, BigInt(index)])),
      peers: [
        {
          address: '192.168.77.2',
          port: 8285,
          sentPackets: 1n,
          sentBytes: 2n,
          receivedPackets: 3n,
          receivedBytes: 2n ** 63n,
        },
      ],
    },
  })
})

test('whatever else comes is malformed, and nothing worse', () => {
  const bytes = statusBytes()
  for (let length = 0; length < bytes.length; length += 1)
    assert.throws(
      () => decodeReply(bytes.subarray(0, length)),
      error => hasCode(error, 'tunnel.malformed'),
    )
  const hostile = [
    Buffer.concat([bytes, Uint8Array.of(0)]),
    Uint8Array.of(1, 0x80, 0),
    Uint8Array.of(2, 0x80),
    Uint8Array.of(1, 1),
    bytes.with(24, DROP_REASONS.length + 1),
  ]
  for (const frame of hostile) assert.throws(() => decodeReply(frame), /not a reply of the tunnel process/)
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), random => {
      try {
        decodeReply(random)
      } catch (error) {
        assert.ok(hasCode(error, 'tunnel.malformed'))
      }
    }),
  )
})
