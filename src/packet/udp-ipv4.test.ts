import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { decodeUdpIpv4, encodeUdpIpv4 } from './udp-ipv4.ts'

const packet = {
  source: '0.0.0.0',
  target: '255.255.255.255',
  sourcePort: 68,
  targetPort: 67,
  payload: Uint8Array.of(1, 2, 3),
}
const bytes = encodeUdpIpv4(packet)

/** The packet with some bytes changed, and a header checksum that is right again. */
function changed(changes: Readonly<Record<number, number>>): Uint8Array {
  const copy = Uint8Array.from(bytes)
  for (const [at, value] of Object.entries(changes)) copy[Number(at)] = value
  copy.set([0, 0], 10)
  let sum = 0
  for (let at = 0; at < 20; at += 2) sum += ((copy[at] ?? 0) << 8) | (copy[at + 1] ?? 0)
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
  copy.set([(~sum >> 8) & 0xff, ~sum & 0xff], 10)
  return copy
}

describe('UDP over IPv4', () => {
  it('reads what it wrote, whatever padding follows', () => {
    assert.equal(bytes.length, 31)
    const padded = Buffer.concat([bytes, new Uint8Array(15)])
    for (const one of [bytes, padded]) {
      const read = decodeUdpIpv4(one, true)
      assert.ok(typeof read !== 'string')
      assert.deepEqual({ ...read, payload: Uint8Array.from(read.payload) }, packet)
    }
  })

  it('reads a header with options', () => {
    const words = changed({ 0: 0x46, 3: bytes.length + 4 })
    const withOptions = Buffer.concat([words.subarray(0, 20), Uint8Array.of(1, 1, 1, 0), words.subarray(20)])
    // The checksum is less by what the words of the options come to.
    withOptions.writeUInt16BE(withOptions.readUInt16BE(10) - 0x0201, 10)
    const read = decodeUdpIpv4(withOptions, true)
    assert.ok(typeof read !== 'string', String(read))
    assert.equal(read.sourcePort, 68)
  })

  it('says why it does not take a packet', () => {
    const cases: readonly [unknown, Uint8Array][] = [
      ['truncated packet', bytes.subarray(0, 19)],
      ['truncated packet', bytes.subarray(0, 30)],
      ['truncated packet', changed({ 0: 0x44 })],
      ['truncated packet', changed({ 3: 27 })],
      ['truncated packet', changed({ 25: 200 })],
      ['truncated packet', changed({ 25: 7 })],
      ['no UDP over IPv4', changed({ 0: 0x65 })],
      ['no UDP over IPv4', changed({ 9: 6 })],
      ['fragment', changed({ 6: 0x20 })],
      ['fragment', changed({ 7: 1 })],
      ['wrong checksum', Uint8Array.from(bytes, (byte, at) => (at === 8 ? byte ^ 1 : byte))],
      ['wrong checksum', changed({ 28: 9 })],
    ]
    assert.deepEqual(
      cases.map(([, input]) => decodeUdpIpv4(input, true)),
      cases.map(([expected]) => expected),
    )
  })

  it('takes a datagram without checksum, and one whose checksum is still to be made', () => {
    assert.ok(typeof decodeUdpIpv4(changed({ 26: 0, 27: 0 }), true) !== 'string')
    assert.ok(typeof decodeUdpIpv4(changed({ 26: 1, 27: 1 }), false) !== 'string')
  })
})
