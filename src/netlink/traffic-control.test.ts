import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { index, u16, u32 } from './arbitraries.ts'
import { addRedirect, decodeFilter } from './filter.ts'
import type { Message, Request } from './messages.ts'
import { decodeQdisc, encodeQdisc, type Qdisc, RTM_NEWQDISC } from './qdisc.ts'
import { keptBurst } from './token-bucket.ts'
import { TC_H_INGRESS_FILTERS } from './traffic-control.ts'

function message({ type, body }: Pick<Request, 'type' | 'body'>): Message {
  return { type, flags: 0, sequence: 0, portId: 0, body }
}

/** Bytes per second, to 100 Tbit/s. */
const rate = fc.oneof(fc.integer({ min: 1, max: 2e6 }), fc.integer({ min: 1, max: 12.5e12 }))
const bucket = fc.record({ rate, burst: u32, limit: u32 }, { noNullPrototype: true })

test('qdiscs', () => {
  const plain = fc.record({ linkIndex: index, handle: u32, parent: u32 }, { noNullPrototype: true })
  const arbitrary: fc.Arbitrary<Qdisc> = fc.oneof(
    fc.tuple(plain, fc.constantFrom('ingress', 'noqueue', 'fq_codel')).map(([q, kind]) => ({ ...q, kind })),
    fc.tuple(plain, bucket).map(([q, { rate, limit, burst }]) => {
      return { ...q, kind: 'tbf', tokenBucket: { rate, limit, burst: keptBurst(rate, burst) } }
    }),
  )
  fc.assert(
    fc.property(arbitrary, value => {
      assert.deepEqual(decodeQdisc(message({ type: RTM_NEWQDISC, body: encodeQdisc(value) })), value)
    }),
  )
})

test('a kept burst holds what was asked, less than a tick more, and 274 seconds at most', () => {
  fc.assert(
    fc.property(bucket, ({ rate, burst }) => {
      const kept = keptBurst(rate, burst)
      const longest = Math.floor(rate * 274.87790688)
      if (burst > longest) return assert.ok(Math.abs(kept - longest) <= 1)
      assert.ok(kept >= burst && kept - burst <= rate * 64e-9, `${kept} for ${burst} at ${rate}`)
      assert.equal(keptBurst(rate, kept), kept)
    }),
  )
  assert.equal(keptBurst(125_000, 20_000), 20_000)
  assert.equal(keptBurst(0, 20_000), 0)
})

test('redirects', () => {
  const spec = fc.record({ linkIndex: index, priority: u16, redirectIndex: u32 }, { noNullPrototype: true })
  fc.assert(
    fc.property(spec, value => {
      const filter = decodeFilter(message(addRedirect(value)))
      const fixed = { kind: 'u32', parent: TC_H_INGRESS_FILTERS }
      assert.deepEqual(filter, { ...value, ...fixed })
    }),
  )
})

test('a filter that looks at some bits, or mirrors, redirects nothing', () => {
  const { type, body } = addRedirect({ linkIndex: 1, priority: 113, redirectIndex: 2 })
  const bytes = Buffer.from(body)
  const picky = Buffer.from(body)
  // the mask of the only key: behind the header, TCA_KIND, TCA_OPTIONS, TCA_U32_SEL and its 16 bytes
  picky[20 + 8 + 4 + 4 + 16] = 1
  const mirror = Buffer.from(body)
  // tcfm_eaction: the last but one number of struct tc_mirred, with which the message ends
  mirror[bytes.length - 8] = 2
  for (const changed of [picky, mirror]) {
    assert.equal(decodeFilter(message({ type, body: changed })).redirectIndex, undefined)
  }
})
