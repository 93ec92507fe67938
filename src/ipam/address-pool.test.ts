import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import * as fc from 'fast-check'
import { hasCode, ManualClock } from '../base/index.ts'
import { AddressPool, type AddressRange } from './index.ts'

function pool(...ranges: (AddressRange | string)[]) {
  const clock = new ManualClock()
  const full = ranges.map(range => (typeof range === 'string' ? { prefix: range } : range))
  return { clock, pool: new AddressPool({ ranges: full, clock, cooldownMs: 30_000 }) }
}

/** Everything a fresh pool hands out, until it is exhausted. */
function all(...ranges: (AddressRange | string)[]): string[] {
  const { pool: fresh } = pool(...ranges)
  return Array.from({ length: Number(fresh.total) }, (_, n) => fresh.allocate(`${n}`))
}

const coded = (code: string) => (error: unknown) => hasCode(error, code)

describe('what is handed out', () => {
  test('by prefix length and family', () => {
    assert.deepEqual(
      all('10.0.0.0/29'),
      ['1', '2', '3', '4', '5', '6'].map(n => `10.0.0.${n}`),
    )
    assert.deepEqual(all('10.0.0.0/30'), ['10.0.0.1', '10.0.0.2'])
    assert.deepEqual(all('10.0.0.0/31'), ['10.0.0.0', '10.0.0.1'])
    assert.deepEqual(all('10.0.0.7/32'), ['10.0.0.7'])
    assert.deepEqual(all('fd00::/126'), ['fd00::1', 'fd00::2', 'fd00::3'])
    assert.deepEqual(all('fd00::/127'), ['fd00::', 'fd00::1'])
    assert.deepEqual(all('fd00::5/128'), ['fd00::5'])
  })

  test('never gateway, exclusions, or what is outside start and end', () => {
    assert.deepEqual(all({ prefix: '10.0.0.0/29', gateway: '10.0.0.1' }).length, 5)
    const range = {
      prefix: '10.0.0.0/24',
      rangeStart: '10.0.0.10',
      rangeEnd: '10.0.0.19',
      gateway: '10.0.0.10',
    }
    const exclusions = ['10.0.0.12/30', '10.0.0.13/32', '10.0.0.19/32', 'fd00::/64']
    assert.deepEqual(
      all({ ...range, exclusions }),
      ['11', '16', '17', '18'].map(n => `10.0.0.${n}`),
    )
    assert.deepEqual(all({ prefix: '10.0.0.0/30', rangeStart: '10.0.0.0', rangeEnd: '10.0.0.3' }).length, 2)
  })

  test('exclusions are addresses, prefixes, or runs from one to another', () => {
    const exclusions = ['10.0.0.2-10.0.0.4', '10.0.0.6', '10.0.0.8/29', 'fd00::/64']
    assert.deepEqual(
      all({ prefix: '10.0.0.0/28', exclusions }),
      ['1', '5', '7'].map(n => `10.0.0.${n}`),
    )
    assert.deepEqual(all({ prefix: 'fd00::/125', exclusions: ['fd00::2-fd00::6'] }), ['fd00::1', 'fd00::7'])
    for (const text of ['', '10.0.0.9-10.0.0.3', '10.0.0.1-fd00::1', '10.0.0.1-', '-', '10.0.0.1/29']) {
      assert.throws(() => pool({ prefix: '10.0.0.0/28', exclusions: [text] }), coded('ipam.exclusion'), text)
    }
  })

  test('several ranges follow one another', () => {
    assert.deepEqual(all('10.0.0.0/30', '10.9.0.4/31'), ['10.0.0.1', '10.0.0.2', '10.9.0.4', '10.9.0.5'])
  })

  test('a /64 costs no more than a /24', () => {
    const { pool: wide } = pool({ prefix: 'fd00::/64', exclusions: ['fd00::/65'] })
    assert.equal(wide.allocate('a'), 'fd00::8000:0:0:0')
    assert.equal(wide.total, 1n << 63n)
    wide.restore('b', 'fd00::ffff:ffff:ffff:ffff')
    wide.continueAfter('fd00::ffff:ffff:ffff:fffe')
    assert.equal(wide.allocate('c'), 'fd00::8000:0:0:1')
  })

  test('bad ranges', () => {
    assert.throws(() => pool(), coded('ipam.too-small'))
    assert.throws(() => pool({ prefix: '10.0.0.7/32', gateway: '10.0.0.7' }), coded('ipam.too-small'))
    assert.throws(() => pool({ prefix: '10.0.0.0/24', exclusions: ['10.0.0.0/8'] }), coded('ipam.too-small'))
    assert.throws(() => pool({ prefix: '10.0.0.0/24', rangeEnd: '10.0.0.0' }), coded('ipam.out-of-range'))
    assert.throws(() => pool({ prefix: '10.0.0.0/24', rangeStart: '10.0.1.1' }), coded('ipam.out-of-range'))
    assert.throws(
      () => pool({ prefix: '10.0.0.0/24', rangeStart: '10.0.0.9', rangeEnd: '10.0.0.8' }),
      coded('ipam.out-of-range'),
    )
    assert.throws(() => pool('10.0.0.0/24', '10.0.0.128/25'), coded('ipam.overlap'))
    assert.throws(() => pool('10.0.0.1/24'), coded('ip.host-bits'))
  })
})

describe('allocation', () => {
  test('round robin: on from the last, around the end', () => {
    const { clock, pool: small } = pool('10.0.0.0/29')
    assert.equal(small.allocate('a'), '10.0.0.1')
    small.release('a')
    assert.equal(small.allocate('b'), '10.0.0.2')
    small.continueAfter('10.0.0.5')
    assert.equal(small.allocate('c'), '10.0.0.6')
    assert.equal(small.allocate('d'), '10.0.0.3', 'the first is cooling, the second is held')
    void clock.advance(30_000)
    assert.equal(small.allocate('e'), '10.0.0.4')
    assert.deepEqual(
      ['f', 'g'].map(holder => small.allocate(holder)),
      ['10.0.0.5', '10.0.0.1'],
    )
  })

  test('an address rests after its release; the error says how long', async () => {
    const { clock, pool: small } = pool('10.0.0.0/30')
    small.allocate('a')
    small.allocate('b')
    assert.throws(() => small.allocate('c'), /2 of 2 are held; delete pods/)
    small.release('a')
    await clock.advance(10_000)
    assert.throws(
      () => small.allocate('c'),
      (error: unknown) => {
        assert.ok(hasCode(error, 'ipam.exhausted'))
        assert.match(error.message, /1 of 2 are held; 1 were released a moment ago, .* in 20000 ms/)
        assert.deepEqual(error.payload, {
          code: 'ipam.exhausted',
          total: 2n,
          held: 1,
          cooling: 1,
          nextFreeMs: 20_000,
        })
        return true
      },
    )
    assert.match(small.fault() ?? '', /no address is free in 10\.0\.0\.0\/30/)
    assert.throws(() => small.allocate('c', '10.0.0.1'), /can be used again in 20000 ms/)
    await clock.advance(20_000)
    assert.equal(small.fault(), undefined)
    assert.equal(small.allocate('c'), '10.0.0.1')
  })

  test('where rest yields: a resting address goes to who asks for it, and to anybody before there is none', () => {
    const clock = new ManualClock()
    const small = new AddressPool({ ranges: [{ prefix: '10.0.0.0/29' }], clock, restYields: true })
    for (const holder of ['a', 'b', 'c', 'd', 'e']) small.allocate(holder)
    for (const holder of ['c', 'a', 'b']) small.release(holder)
    assert.equal(small.allocate('f', '10.0.0.1'), '10.0.0.1', 'asked for')
    assert.equal(small.allocate('g'), '10.0.0.6', 'it does not rest')
    assert.equal(small.fault(), undefined)
    assert.equal(small.allocate('h'), '10.0.0.3', 'it has rested longest')
    assert.equal(small.allocate('i'), '10.0.0.2')
    assert.throws(() => small.allocate('j'), /6 of 6 are held; delete pods/)
    assert.match(small.fault() ?? '', /6 of 6 are held/)
    void clock.advance(30_000)
    assert.throws(() => small.allocate('j'), coded('ipam.exhausted'), 'what was cut short does not end later')
  })

  test('what was never used need not rest', () => {
    const { pool: small } = pool('10.0.0.0/30')
    small.allocate('a')
    small.cancel('a')
    small.cancel('a')
    assert.equal(small.allocate('b', '10.0.0.1'), '10.0.0.1')
  })

  test('a requested address, or why not', () => {
    const { pool: small } = pool({ prefix: '10.0.0.0/24', gateway: '10.0.0.1' })
    assert.equal(small.allocate('a', '10.0.0.77'), '10.0.0.77')
    assert.throws(() => small.allocate('b', '10.0.0.77'), /held by "a"/)
    for (const address of ['10.0.0.0', '10.0.0.1', '10.0.0.255', '10.0.1.1', 'fd00::1']) {
      assert.throws(() => small.allocate('b', address), coded('ipam.out-of-range'), address)
    }
    assert.throws(() => small.allocate('b', 'nonsense'), coded('ip.malformed'))
    assert.throws(() => small.allocate('a'), /"a" holds 10\.0\.0\.77 already/)
    assert.equal(small.allocate('b'), '10.0.0.2', 'a request does not move the round')
  })

  test('restored allocations, also outside the ranges', () => {
    const { pool: small } = pool('10.0.0.0/30')
    small.restore('a', '10.0.0.1')
    small.restore('a', '10.0.0.1')
    small.restore('old', '192.0.2.9')
    assert.throws(() => small.restore('b', '10.0.0.1'), coded('ipam.taken'))
    assert.throws(() => small.restore('a', '10.0.0.2'), coded('ipam.taken'))
    assert.equal(small.allocate('b'), '10.0.0.2')
    assert.deepEqual([small.release('old'), small.addressOf('old'), small.held], ['192.0.2.9', undefined, 2])
  })

  test('no two holders of one address, none handed out while it rests, none lost', async () => {
    const act = fc.record({
      act: fc.constantFrom('allocate', 'allocate', 'request', 'release', 'cancel', 'wait', 'reload'),
      who: fc.nat(9).map(n => `pod-${n}`),
      at: fc.nat(8).map(n => `10.0.0.${n}`),
      ms: fc.nat(400),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(act, { maxLength: 60 }), async acts => {
        const ranges = [{ prefix: '10.0.0.0/29', gateway: '10.0.0.1' }]
        const clock = new ManualClock()
        let subject = new AddressPool({ ranges, clock, cooldownMs: 500 })
        const held = new Map<string, string>()
        const restsUntil = new Map<string, number>()
        for (const { act, who, at, ms } of acts) {
          if (act === 'wait') await clock.advance(ms)
          else if (act === 'release' || act === 'cancel') {
            const address = held.get(who)
            if (act === 'release') assert.equal(subject.release(who), address)
            else subject.cancel(who)
            held.delete(who)
            if (address !== undefined && act === 'release') restsUntil.set(address, clock.nowMs() + 500)
          } else if (act === 'reload') {
            subject = new AddressPool({ ranges, clock, cooldownMs: 500 })
            for (const [holder, address] of held) subject.restore(holder, address)
            restsUntil.clear()
          } else {
            const resting = [...restsUntil.values()].filter(end => end > clock.nowMs()).length
            try {
              const address = act === 'request' ? subject.allocate(who, at) : subject.allocate(who)
              assert.ok(![...held.values()].includes(address), 'nobody else has it')
              assert.ok(!held.has(who) && (restsUntil.get(address) ?? 0) <= clock.nowMs())
              assert.match(address, /^10\.0\.0\.[2-6]$/)
              held.set(who, address)
            } catch (error) {
              assert.ok(hasCode(error, 'ipam'))
              if (error.code === 'ipam.exhausted') assert.equal(held.size + resting, 5)
            }
          }
          assert.deepEqual(
            new Map([...subject.entries()].map(([address, holder]) => [holder, address])),
            held,
          )
        }
      }),
    )
  })
})
