import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ManualClock } from '../base/index.ts'
import { serveUdpEcho } from './responders.ts'
import { FakeChannel } from './testing.ts'
import { UdpProber } from './udp-prober.ts'

describe('UdpProber', () => {
  it('matches each echo with its probe', async () => {
    const clock = new ManualClock()
    const channel = new FakeChannel()
    const prober = new UdpProber(channel, clock)
    const first = prober.probe('10.0.0.2', 7, { timeoutMs: 100 })
    const second = prober.probe('10.0.0.3', 7, { timeoutMs: 100 })
    await clock.advance(2)
    const [, sent] = channel.sent
    assert.ok(sent !== undefined)
    channel.arrive(sent.bytes, sent.address, sent.port)
    channel.arrive(Buffer.from('something else'), '10.0.0.9', 7)
    await clock.advance(98)
    assert.deepEqual(await second, { ok: true, rttMs: 2 })
    assert.deepEqual(await first, { ok: false, reason: 'no echo within 100 ms' })
  })

  it('tells why nothing could be sent, and closes', async () => {
    const channel = new FakeChannel()
    const prober = new UdpProber(channel, new ManualClock())
    const open = prober.probe('10.0.0.2', 7, { timeoutMs: 100 })
    channel.refusal = new Error('no route to host')
    const refused = await prober.probe('10.0.0.2', 7, { timeoutMs: 100 })
    assert.deepEqual(refused, { ok: false, reason: 'no route to host' })
    prober.close()
    assert.deepEqual(await open, { ok: false, reason: 'closed' })
  })
})

describe('serveUdpEcho', () => {
  it('sends everything back to where it came from', () => {
    const channel = new FakeChannel()
    serveUdpEcho(channel)
    channel.arrive(Buffer.from('x'), '10.0.0.5', 1234)
    assert.deepEqual(channel.sent, [{ bytes: Buffer.from('x'), address: '10.0.0.5', port: 1234 }])
  })

  it('does not mind that the way back is gone', () => {
    const channel = new FakeChannel()
    serveUdpEcho(channel)
    channel.refusal = new Error('unreachable')
    assert.doesNotThrow(() => channel.arrive(Buffer.from('x'), '10.0.0.5', 1234))
  })
})
