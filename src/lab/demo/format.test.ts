import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { formatBitrate, formatCount, formatDuration, formatRtt, inGbits } from './format.ts'
import { stepLines } from './packet-path.ts'

describe('figures of the demo', () => {
  it('have units and few digits', () => {
    assert.equal(formatRtt(0.0612), '0.06 ms')
    assert.equal(formatRtt(123.4), '123 ms')
    assert.equal(formatBitrate(9.81e9), '9.8 Gbit/s')
    assert.equal(inGbits(312.4e6), '0.3')
    assert.equal(formatCount(1204), '1,204')
    assert.equal(formatDuration(0.2), '1 ms')
    assert.equal(formatDuration(1234), '1.2 s')
  })
})

describe('stepLines', () => {
  it('aligns three columns', () => {
    const steps = [
      { where: 'pod web-1', what: 'default via 10.244.1.1', because: ['Pod default/web-1'] },
      { where: 'wire', what: 'udp', because: [] },
    ]
    assert.deepEqual(stepLines(steps), [
      'pod web-1   default via 10.244.1.1   Pod default/web-1',
      'wire        udp',
    ])
  })
})
