import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import * as fc from 'fast-check'
import { hasCode } from '../base/index.ts'
import { formatAddress, linkLocalAddress, localMac, macFromBytes, macToBytes, parseMac } from './index.ts'

const macBytes = fc.uint8Array({ minLength: 6, maxLength: 6 })

describe('mac', () => {
  test('text', () => {
    assert.equal(parseMac('02:42:0A:F4:01:02'), '02:42:0a:f4:01:02')
    assert.equal(macFromBytes(Uint8Array.of(2, 66, 10, 244, 1, 2)), '02:42:0a:f4:01:02')
    for (const text of [
      '',
      '02:42:0a:f4:01',
      '02:42:0a:f4:01:02:03',
      '2:42:0a:f4:1:2',
      '02-42-0a-f4-01-02',
      '02420af40102',
      'g2:42:0a:f4:01:02',
      '02:42:0a:f4:01:02 ',
    ]) {
      assert.throws(
        () => parseMac(text),
        error => hasCode(error, 'ip.malformed'),
        text,
      )
    }
    assert.throws(() => macFromBytes(new Uint8Array(8)), /8 bytes, not 6/)
  })

  test('the address of the link that Linux makes of a MAC', () => {
    assert.equal(formatAddress(linkLocalAddress('02:42:0a:f4:01:02')), 'fe80::42:aff:fef4:102')
    assert.equal(formatAddress(linkLocalAddress('00:00:00:00:00:01')), 'fe80::200:ff:fe00:1')
  })

  test('bytes there and back', () => {
    fc.assert(fc.property(macBytes, bytes => assert.deepEqual(macToBytes(macFromBytes(bytes)), bytes)))
  })

  test('a local MAC is unicast, locally administered and a function of its seed', () => {
    fc.assert(
      fc.property(fc.string(), seed => {
        const first = macToBytes(localMac(seed))[0] ?? 0
        assert.equal(first & 0x03, 0x02)
        assert.equal(localMac(seed), localMac(seed))
      }),
    )
    // Results and kernels hold them: another version makes the same.
    assert.deepEqual(['node-1', 'node-2'].map(localMac), ['36:97:1b:e6:e9:bb', '16:79:f5:9f:4d:f2'])
  })
})
