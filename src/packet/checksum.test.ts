import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { internetChecksum } from './checksum.ts'

describe('internetChecksum', () => {
  it('is that of the example in RFC 1071', () => {
    assert.equal(internetChecksum(Uint8Array.from([0, 1, 0xf2, 3, 0xf4, 0xf5, 0xf6, 0xf7])), ~0xddf2 & 0xffff)
  })
})
