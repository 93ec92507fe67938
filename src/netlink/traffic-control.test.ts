import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { formatPrefix, prefixOf } from '../ip/index.ts'
import { matchOf } from './address-match.ts'
import { index, u16, u32 } from './arbitraries.ts'
import { addClassFilter, addRedirect, decodeFilter } from './filter.ts'
import type { Message, Request } from './messages.ts'
import { decodeQdisc, encodeQdisc, type Qdisc, RTM_NEWQDISC } from './qdisc.ts'
import { keptBurst } from './token-bucket.ts'
import { addClass, decodeClass } from './traffic-class.ts'
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
    fc.tuple(plain, u32).map(([q, defaultClass]) => ({ ...q, kind: 'htb', defaultClass })),
    fc.tuple(plain, u32).map(([q, limit]) => ({ ...q, kind: 'bfifo', limit })),
  )
  fc.assert(
    fc.property(arbitrary, value => {
      assert.deepEqual(decodeQdisc(message({ type: RTM_NEWQDISC, body: encodeQdisc(value) })), value)
    }),
  )
})

test('classes of a rate', () => {
  const spec = fc.record({ linkIndex: index, handle: u32, parent: u32 }, { noNullPrototype: true })
  fc.assert(
    fc.property(spec, bucket, (place, { rate, burst }) => {
      const value = { ...place, rate, burst: keptBurst(rate, burst) }
      assert.deepEqual(decodeClass(message(addClass(value))), value)
    }),
  )
})

/** Canonical. */
const prefix = fc.oneof(
  fc.tuple(
    fc.bigInt({ min: 0n, max: 2n ** 32n - 1n }),
    fc.integer({ min: 0, max: 32 }),
    fc.constant(4 as const),
  ),
  fc.tuple(
    fc.bigInt({ min: 0n, max: 2n ** 128n - 1n }),
    fc.integer({ min: 0, max: 128 }),
    fc.constant(6 as const),
  ),
)

test('filters by address', () => {
  const spec = fc.record(
    { linkIndex: index, parent: u32, priority: u16, classId: u32 },
    { noNullPrototype: true },
  )
  fc.assert(
    fc.property(
      spec,
      prefix,
      fc.constantFrom('source', 'destination'),
      (place, [value, length, family], by) => {
        const { classId, ...rest } = place
        const match = { prefix: formatPrefix(prefixOf({ family, value }, length)), by, classId }
        const filter = decodeFilter(message(addClassFilter({ ...rest, match })))
        assert.deepEqual(filter, { ...rest, kind: 'u32', match })
      },
    ),
  )
})

test('what looks at other words, or at some bits of one, is no prefix', () => {
  const first = { mask: 0xffff_ffff, value: 0x0a00_0001, offset: 16 }
  const IPV4 = 0x0008
  assert.deepEqual(matchOf(IPV4, [first]), { prefix: '10.0.0.1/32', by: 'destination' })
  assert.equal(matchOf(0x0300, [first]), undefined)
  assert.equal(matchOf(IPV4, []), undefined)
  assert.equal(matchOf(IPV4, [{ ...first, offset: 20 }]), undefined)
  assert.equal(matchOf(IPV4, [{ ...first, mask: 0xff00_ff00 }]), undefined)
  assert.equal(matchOf(IPV4, [first, { ...first, offset: 20 }]), undefined)
  assert.equal(matchOf(IPV4, [first, first]), undefined)
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
