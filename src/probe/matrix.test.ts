import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ManualClock } from '../base/index.ts'
import type { ProbeOutcome } from './channel.ts'
import { type Endpoint, type Protocol, probeMatrix } from './matrix.ts'

const endpoints = ['a', 'b', 'c'].map((name, index) => ({ name, address: `10.0.0.${index + 1}` }))
const good: ProbeOutcome = { ok: true, rttMs: 1 }

function run(probe: (from: Endpoint, to: Endpoint, protocol: Protocol) => Promise<ProbeOutcome>) {
  const clock = new ManualClock()
  const protocols = ['icmp', 'tcp'] as const
  return { clock, cells: probeMatrix(endpoints, { clock, protocols, probe, samples: 2, retries: 1 }) }
}

describe('probeMatrix', () => {
  it('has a cell for every ordered pair and protocol, self included', async () => {
    const cells = await run(async () => good).cells
    assert.equal(cells.length, 18)
    assert.equal(new Set(cells.map(({ from, to, protocol }) => `${from} ${to} ${protocol}`)).size, 18)
    assert.ok(cells.every(cell => cell.outcome.ok))
  })

  it('reports the best of several samples', async () => {
    let rttMs = 10
    const cells = await run(async () => ({ ok: true, rttMs: rttMs-- })).cells
    assert.deepEqual(cells[0]?.outcome, { ok: true, rttMs: 9 })
  })

  it('forgives as many failures as it may, not one more', async () => {
    const calls = new Map<string, number>()
    const cells = await run(async (from, to, protocol) => {
      const key = `${from.name} ${to.name} ${protocol}`
      const count = (calls.get(key) ?? 0) + 1
      calls.set(key, count)
      const failures = key === 'a b icmp' ? 1 : key === 'b a tcp' ? 2 : 0
      return count <= failures ? { ok: false, reason: 'lost' } : good
    }).cells
    const failed = cells.filter(cell => !cell.outcome.ok).map(({ from, to }) => `${from} ${to}`)
    assert.deepEqual(failed, ['b a'])
  })

  it('goes on while one pair is silent, and waits for it in the end', async () => {
    const silence = Promise.withResolvers<ProbeOutcome>()
    const answered: string[] = []
    const { clock, cells } = run(async (from, to) => {
      if (from.name === 'a' && to.name === 'a') return silence.promise
      answered.push(to.name)
      return good
    })
    for (let tries = 0; answered.length < 32 && tries < 100; tries += 1) await clock.advance(20)
    assert.equal(answered.length, 32)
    silence.resolve({ ok: false, reason: 'silent' })
    assert.equal((await cells).filter(cell => !cell.outcome.ok).length, 2)
  })

  it('has nothing to do without endpoints', async () => {
    const options = {
      clock: new ManualClock(),
      protocols: ['icmp'] as const,
      probe: async () => good,
      samples: 1,
      retries: 0,
    }
    assert.deepEqual(await probeMatrix([], options), [])
  })
})
