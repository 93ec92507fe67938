import assert from 'node:assert/strict'
import { isIP, SocketAddress } from 'node:net'
import { describe, test } from 'node:test'
import * as fc from 'fast-check'
import { hasCode } from '../base/index.ts'
import {
  type Address,
  addressFromBytes,
  addressToBytes,
  formatAddress,
  parseAddress,
  tryParseAddress,
} from './index.ts'

const address4 = fc.bigInt(0n, (1n << 32n) - 1n).map((value): Address => ({ family: 4, value }))
// Groups that are often zero, so that runs of every length and place come up.
const group = fc.oneof(fc.constant(0n), fc.bigInt(0n, 0xffffn))
const address6 = fc
  .array(group, { minLength: 8, maxLength: 8 })
  .map((groups): Address => ({ family: 6, value: groups.reduce((all, one) => (all << 16n) | one, 0n) }))
const address = fc.oneof(address4, address6)

// What a careless or hostile writer sends: fragments of addresses glued together.
const almost = fc
  .array(
    fc.constantFrom(
      ':',
      '::',
      '.',
      '0',
      '00',
      '1',
      'f',
      'ffff',
      '10',
      '255',
      '256',
      '1.2.3.4',
      '%eth0',
      ' ',
      '/',
      '-',
      'g',
    ),
    { maxLength: 12 },
  )
  .map(parts => parts.join(''))

// A good address with one character changed, added or taken away.
const damaged = fc
  .tuple(address, fc.nat(), fc.constantFrom('', ':', '.', '0', '1', 'a', '5:', ' '))
  .map(([a, at, by]) => {
    const text = formatAddress(a)
    const place = at % (text.length + 1)
    return text.slice(0, place) + by + text.slice(place + (at % 2))
  })

describe('address text', () => {
  test('canonical forms (RFC 5952)', () => {
    const table = [
      ['10.244.1.2', '10.244.1.2'],
      ['0.0.0.0', '0.0.0.0'],
      ['255.255.255.255', '255.255.255.255'],
      ['::', '::'],
      ['::1', '::1'],
      ['1::', '1::'],
      ['2001:DB8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
      ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
      ['2001:0db8::0001', '2001:db8::1'],
      ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
      ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
      ['::ffff:192.0.2.1', '::ffff:192.0.2.1'],
      ['::ffff:c000:201', '::ffff:192.0.2.1'],
      ['64:ff9b::192.0.2.1', '64:ff9b::c000:201'],
      ['1:2:3:4:5:6:1.2.3.4', '1:2:3:4:5:6:102:304'],
    ] as const
    for (const [text, canonical] of table) assert.equal(formatAddress(parseAddress(text)), canonical)
  })

  test('what is refused', () => {
    const table = [
      '',
      ' ',
      '1',
      '1.2.3',
      '1.2.3.4.5',
      '1.2.3.',
      '.1.2.3',
      '1..2.3',
      '01.2.3.4',
      '1.2.3.00',
      '1.2.3.256',
      '1.2.3.1000',
      '0x1.2.3.4',
      '+1.2.3.4',
      '1.2.3.4 ',
      ' 1.2.3.4',
      '1.2.3.4\n',
      '１.2.3.4',
      '1.2.3.4/32',
      ':',
      ':::',
      '1:',
      ':1',
      '1:2:3:4:5:6:7',
      '1:2:3:4:5:6:7:8:9',
      '1::2::3',
      '1::2:3:4:5:6:7:8',
      '12345::',
      'g::',
      '::1%eth0',
      'fe80::1%2',
      '::1.2.3',
      '::01.2.3.4',
      '1.2.3.4::',
      '::1.2.3.4:5',
      '1:2:3:4:5:6:7:1.2.3.4',
      '[::1]',
      '::1/128',
      ':1::2',
      '1::2:',
    ]
    for (const text of table) {
      assert.equal(tryParseAddress(text), undefined, text)
      assert.throws(
        () => parseAddress(text),
        error => hasCode(error, 'ip.malformed'),
        text,
      )
    }
  })

  test('a message names the text, escaped and cut', () => {
    assert.throws(() => parseAddress('10.0.0.1\u0007'), /"10\.0\.0\.1\\u0007" is not an IP address/)
    assert.throws(
      () => parseAddress('9'.repeat(100_000)),
      error => error instanceof Error && error.message.length < 300,
    )
  })

  test('parse after format is identity', () => {
    fc.assert(fc.property(address, a => assert.deepEqual(parseAddress(formatAddress(a)), a)))
  })

  test('format after parse is idempotent, and both texts mean the same to node:net', () => {
    fc.assert(
      fc.property(address, a => {
        const text = formatAddress(a)
        assert.equal(isIP(text), a.family)
        // SocketAddress prints by inet_ntop, which differs from RFC 5952 only for ::a.b.c.d (IPv4-compatible).
        if (a.family === 4 || a.value >> 32n !== 0n) {
          assert.equal(new SocketAddress({ address: text, family: `ipv${a.family}` }).address, text)
        }
      }),
    )
  })

  test('accepts exactly what node:net accepts, zones apart', () => {
    fc.assert(
      fc.property(fc.oneof(almost, damaged), text => {
        const expected = text.includes('%') ? 0 : isIP(text)
        assert.equal(tryParseAddress(text)?.family ?? 0, expected, text)
      }),
      { numRuns: 3000 },
    )
  })
})

describe('address numbers', () => {
  test('bytes there and back', () => {
    assert.deepEqual([...addressToBytes(parseAddress('10.244.1.2'))], [10, 244, 1, 2])
    assert.equal(formatAddress(addressFromBytes(Uint8Array.of(10, 244, 1, 2))), '10.244.1.2')
    assert.throws(() => addressFromBytes(new Uint8Array(5)), /5 bytes, not 4 or 16/)
    fc.assert(fc.property(address, a => assert.deepEqual(addressFromBytes(addressToBytes(a)), a)))
  })
})
