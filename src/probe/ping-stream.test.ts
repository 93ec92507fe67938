import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ManualClock } from '../base/index.ts'
import { decodeIcmpEcho, encodeIcmpEcho } from './icmp-echo.ts'
import { PingStream } from './ping-stream.ts'
import { Pinger } from './pinger.ts'
import { FakeChannel } from './testing.ts'

const TARGET = '10.0.0.2'

/** Answers at once, except in the times given. */
class Answering extends FakeChannel {
  silent = false

  override send(bytes: Uint8Array, address: string): void {
    super.send(bytes, address)
    const request = decodeIcmpEcho(bytes, 4)
    if (this.silent || request === undefined) return
    queueMicrotask(() => this.arrive(encodeIcmpEcho({ ...request, reply: true }, 4), TARGET))
  }
}

function start() {
  const clock = new ManualClock()
  const channel = new Answering()
  const pinger = new Pinger({ channel, family: 4, clock, identifier: 1 })
  const stream = new PingStream({ pinger, address: TARGET, clock, intervalMs: 10, timeoutMs: 50 })
  return { clock, channel, stream }
}

describe('PingStream', () => {
  it('sends at an even pace and loses nothing when all is well', async () => {
    const { clock, stream } = start()
    await clock.advance(95)
    const report = await stream.stop()
    assert.equal(report.sent, 10)
    assert.equal(report.lost, 0)
    assert.equal(report.longestOutageMs, 0)
    assert.equal(report.rtt?.count, 10)
    assert.equal(report.firstLoss, undefined)
  })

  it('counts what was lost, and how long it was', async () => {
    const { clock, channel, stream } = start()
    await clock.advance(25)
    channel.silent = true
    await clock.advance(30)
    channel.silent = false
    await clock.advance(100)
    const report = await stream.stop()
    assert.equal(report.lost, 3)
    assert.equal(report.longestOutageMs, 30)
    assert.equal(report.firstLoss, 'no answer within 50 ms')
  })

  it('waits for the last answers before it reports', async () => {
    const { clock, channel, stream } = start()
    channel.silent = true
    await clock.advance(10)
    const report = stream.stop()
    await clock.advance(60)
    const { sent, lost } = await report
    assert.deepEqual([sent, lost], [2, 1])
  })
})
