import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { decodeIcmpEcho, encodeIcmpEcho } from './icmp-echo.ts'

const u16 = fc.integer({ min: 0, max: 0xffff })
const echo = fc.record(
  { reply: fc.boolean(), identifier: u16, sequence: u16, data: fc.uint8Array({ maxLength: 200 }) },
  { noNullPrototype: true },
)

describe('ICMP echo', () => {
  it('comes out as it went in, for both families', () => {
    fc.assert(
      fc.property(echo, fc.constantFrom(4 as const, 6 as const), (message, family) => {
        assert.deepEqual(decodeIcmpEcho(encodeIcmpEcho(message, family), family), message)
      }),
    )
  })

  it('is what ping sends', () => {
    const bytes = encodeIcmpEcho(
      { reply: false, identifier: 0x1234, sequence: 1, data: Buffer.from('ab') },
      4,
    )
    // Type 8, code 0; checksum: ~(0x0800 + 0x1234 + 0x0001 + 0x6162)
    assert.equal(Buffer.from(bytes).toString('hex'), '08008468123400016162')
  })

  it('is found behind the IPv4 header that a raw socket delivers', () => {
    const message = { reply: true, identifier: 7, sequence: 9, data: new Uint8Array([1, 2, 3]) }
    const header = new Uint8Array(24)
    header[0] = 0x46 // version 4, six words
    const packet = Buffer.concat([header, encodeIcmpEcho(message, 4)])
    assert.deepEqual(decodeIcmpEcho(packet, 4), message)
  })

  it('is refused when it is damaged, short or something else', () => {
    const bytes = encodeIcmpEcho({ reply: true, identifier: 1, sequence: 1, data: new Uint8Array(4) }, 4)
    const damaged = Uint8Array.from(bytes, (byte, index) => (index === 9 ? byte ^ 1 : byte))
    assert.equal(decodeIcmpEcho(damaged, 4), undefined)
    assert.equal(decodeIcmpEcho(bytes.subarray(0, 7), 4), undefined)
    assert.equal(decodeIcmpEcho(new Uint8Array([3, 1, 0, 0, 0, 0, 0, 0]), 4), undefined)
  })

  it('never throws, whatever arrives', () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.constantFrom(4 as const, 6 as const), (bytes, family) => {
        assert.doesNotThrow(() => decodeIcmpEcho(bytes, family))
      }),
    )
  })
})
