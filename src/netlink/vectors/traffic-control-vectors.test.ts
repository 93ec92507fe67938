import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  addQdisc,
  addRedirect,
  decodeQdisc,
  deleteFilters,
  deleteQdisc,
  replaceIngress,
  replaceQdisc,
  TC_H_ROOT,
} from '../index.ts'
import { decodeMessages } from '../messages.ts'
import { checkVectors, expectation } from './check.ts'
import { readVectors } from './vectors.ts'

/** Our requests against what `tc` sends for the same thing. */

const V0 = 10
const IFB7 = 30
const HANDLE = 0x71_0000
const megabit = { rate: 125_000, burst: 20_000, limit: 23_125 }
const hundredGigabit = { rate: 12_500_000_000, burst: 1_000_000, limit: 2_000_000 }

/** What of it counts is compared below. */
const noTable = {
  '2/1': 'it says how its table of times is made',
  '2/2': 'the table of times, which the kernel wants of nobody who names the link layer',
  '2/6': 'the burst in bytes, beside the time that it takes',
}

const add = 'tc qdisc add dev v0 root handle 71: tbf rate 1mbit burst 20000 latency 25ms'
const replace = 'tc qdisc replace dev v0 root handle 71: tbf rate 100gbit burst 1000000 limit 2000000'
const qdisc = { linkIndex: V0, handle: HANDLE, kind: 'tbf' }

checkVectors('traffic-control', [
  expectation(add, addQdisc({ ...qdisc, tokenBucket: megabit }), noTable),
  expectation(replace, replaceQdisc({ ...qdisc, tokenBucket: hundredGigabit }), noTable),
  expectation('tc qdisc replace dev v0 ingress', replaceIngress(V0)),
  expectation(
    'tc filter add dev v0 ingress pref 113 protocol all u32 match u32 0 0 action mirred egress redirect dev ifb7',
    addRedirect({ linkIndex: V0, priority: 113, redirectIndex: IFB7 }),
  ),
  expectation('tc filter delete dev v0 ingress pref 113 u32', deleteFilters(V0, 113)),
  expectation('tc qdisc delete dev v0 root handle 71:', deleteQdisc({ linkIndex: V0, handle: HANDLE })),
])

test('what `tc` asked for is read as that', () => {
  const [message] = (readVectors('traffic-control').get(add) ?? []).flatMap(bytes => [
    ...decodeMessages(bytes),
  ])
  assert.ok(message !== undefined)
  assert.deepEqual(decodeQdisc(message), { ...qdisc, parent: TC_H_ROOT, tokenBucket: megabit })
})
