import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { hasCode } from '../base/index.ts'
import { receivedRate } from './iperf.ts'

describe('receivedRate', () => {
  it('is what the other end got', () => {
    const end = { sum_sent: { bits_per_second: 2e9 }, sum_received: { bits_per_second: 1e9 } }
    assert.equal(receivedRate('pods', JSON.stringify({ end })), 1e9)
  })

  it('is an error when nothing arrived', () => {
    for (const report of [{}, { end: {} }, { end: { sum_received: { bits_per_second: 0 } } }])
      assert.throws(
        () => receivedRate('pods', JSON.stringify(report)),
        error => hasCode(error, 'lab.command'),
      )
  })
})
