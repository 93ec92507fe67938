import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { decodeDhcp, encodeDhcp } from './dhcp-message.ts'

const discover = {
  op: 'request',
  type: 'discover',
  transaction: 0xdeadbeef,
  seconds: 0,
  broadcast: true,
  clientAddress: '0.0.0.0',
  yourAddress: '0.0.0.0',
  mac: '02:42:00:00:00:01',
  options: new Map([[61, Buffer.from('\0c1/net/eth0')]]),
} as const

/** The message with these bytes as its options, and others in the fields for names of files and servers. */
function raw(
  options: readonly number[],
  { file = [], name = [] }: Record<string, number[]> = {},
): Uint8Array {
  const bytes = Buffer.from(encodeDhcp({ ...discover, options: new Map() }))
  bytes.fill(0, 240)
  bytes.set(options, 240)
  bytes.set(name, 44)
  bytes.set(file, 108)
  return bytes
}

const TYPE = [53, 1, 5]

describe('DHCP messages', () => {
  it('have the fields where RFC 2131 has them', () => {
    const bytes = Buffer.from(encodeDhcp(discover))
    assert.equal(bytes.length, 300)
    assert.equal(bytes.subarray(0, 12).toString('hex'), '01010600deadbeef00008000')
    assert.equal(bytes.subarray(28, 44).toString('hex'), '02420000000100000000000000000000')
    assert.equal(bytes.subarray(236, 245).toString('hex'), '638253633501013d0c')
  })

  it('are read as they were written', () => {
    const long = {
      ...discover,
      type: 'ack',
      op: 'reply',
      options: new Map([[77, Buffer.alloc(600, 7)]]),
    } as const
    for (const message of [discover, long]) assert.deepEqual(decodeDhcp(encodeDhcp(message)), message)
  })

  it('join the parts of an option, and go on in the other fields in the order of RFC 3396', () => {
    const read = decodeDhcp(
      raw([...TYPE, 52, 1, 3, 15, 1, 0x61, 255], { file: [0, 15, 1, 0x62, 255, 15], name: [15, 1, 0x63] }),
    )
    assert.ok(typeof read !== 'string')
    assert.equal(Buffer.from(read.options.get(15) ?? []).toString(), 'abc')
    assert.equal(read.options.has(52), false)
  })

  it('follow an overload once: what the other fields say of it is not heard', () => {
    const read = decodeDhcp(raw([...TYPE, 52, 1, 1, 255], { file: [52, 1, 3, 255], name: [15, 1, 0x63] }))
    assert.ok(typeof read !== 'string')
    assert.equal(read.options.has(15), false)
  })

  it('are refused with a reason', () => {
    const good = encodeDhcp(discover)
    const flip = (at: number) => Uint8Array.from(good, (byte, index) => (index === at ? byte ^ 0x40 : byte))
    const cases: readonly [unknown, Uint8Array][] = [
      ['truncated message', good.subarray(0, 239)],
      ['message too long', Buffer.concat([good, new Uint8Array(9_000)])],
      ['no DHCP message', flip(0)],
      ['no DHCP message', flip(236)],
      ['other hardware', flip(1)],
      ['other hardware', flip(2)],
      ['no DHCP message', raw([255])],
      ['no DHCP message', raw([53, 1, 9, 255])],
      ['no DHCP message', raw([53, 2, 1, 1, 255])],
      ['broken options', raw([...TYPE, ...new Uint8Array(55), 15, 9])],
      ['broken options', raw([...TYPE, 52, 1, 1, 255], { file: [...new Uint8Array(126), 15, 9] })],
    ]
    assert.deepEqual(
      cases.map(([, input]) => decodeDhcp(input)),
      cases.map(([expected]) => expected),
    )
  })
})
