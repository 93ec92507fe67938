import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ManualClock } from '../base/index.ts'
import { decodeIcmpEcho, encodeIcmpEcho } from './icmp-echo.ts'
import { Pinger } from './pinger.ts'
import { FakeChannel } from './testing.ts'

const IDENTIFIER = 42
const TARGET = '10.0.0.2'

function setUp() {
  const clock = new ManualClock()
  const channel = new FakeChannel()
  const pinger = new Pinger({ channel, family: 4, clock, identifier: IDENTIFIER })
  /** Answers request number `index`, perhaps not quite as it should be. */
  const answer = (index: number, change: { identifier?: number; from?: string; reply?: boolean } = {}) => {
    const request = decodeIcmpEcho(channel.sent[index]?.bytes ?? new Uint8Array(), 4)
    assert.ok(request !== undefined)
    const { from = TARGET, ...fields } = change
    channel.arrive(encodeIcmpEcho({ ...request, reply: true, ...fields }, 4), from)
  }
  return { clock, channel, pinger, answer }
}

describe('Pinger', () => {
  it('measures from the request to its reply', async () => {
    const { clock, pinger, answer } = setUp()
    const ping = pinger.ping(TARGET, { timeoutMs: 100 })
    await clock.advance(3)
    answer(0)
    assert.deepEqual(await ping, { ok: true, rttMs: 3 })
  })

  it('keeps several apart, in whatever order the replies come', async () => {
    const { clock, pinger, answer } = setUp()
    const first = pinger.ping(TARGET, { timeoutMs: 100 })
    await clock.advance(1)
    const second = pinger.ping(TARGET, { timeoutMs: 100 })
    await clock.advance(1)
    answer(1)
    await clock.advance(1)
    answer(0)
    assert.deepEqual(await Promise.all([first, second]), [
      { ok: true, rttMs: 3 },
      { ok: true, rttMs: 1 },
    ])
  })

  it('takes no other reply for its own: other pinger, other sender, a request', async () => {
    const { clock, pinger, answer } = setUp()
    const ping = pinger.ping(TARGET, { timeoutMs: 100 })
    answer(0, { identifier: IDENTIFIER + 1 })
    answer(0, { from: '10.0.0.3' })
    answer(0, { reply: false })
    await clock.advance(100)
    assert.deepEqual(await ping, { ok: false, reason: 'no answer within 100 ms' })
    answer(0) // too late, and harmless
  })

  it('tells why nothing could be sent', async () => {
    const { channel, pinger } = setUp()
    channel.refusal = new Error('network is unreachable')
    assert.deepEqual(await pinger.ping(TARGET, { timeoutMs: 100 }), {
      ok: false,
      reason: 'network is unreachable',
    })
  })

  it('ends what is under way when it is closed', async () => {
    const { channel, pinger } = setUp()
    const ping = pinger.ping(TARGET, { timeoutMs: 100 })
    pinger.close()
    assert.deepEqual(await ping, { ok: false, reason: 'closed' })
    assert.ok(channel.closed)
  })
})
