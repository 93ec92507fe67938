import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { hasCode } from '../../base/index.ts'
import { name, partial, u64 } from '../arbitraries.ts'
import type { Message, Request } from '../messages.ts'
import { bytes, comment, datatype, expression, nftFamily, verdict } from './arbitraries.ts'
import { addChain, type Chain, decodeChain, encodeChain } from './chain.ts'
import { decodeElementMessage, type Element, encodeElements } from './element.ts'
import { addElements } from './element-requests.ts'
import { addRule, decodeRule, encodeRule, type Rule } from './rule.ts'
import { addSet, decodeSet, encodeSet, type Set } from './set.ts'
import {
  NFT_MSG_NEWCHAIN,
  NFT_MSG_NEWRULE,
  NFT_MSG_NEWSET,
  NFT_MSG_NEWSETELEM,
  NFT_MSG_NEWTABLE,
} from './subsystem.ts'
import { decodeTable, encodeTable, type Table } from './table.ts'

/** Every nftables object comes back from its bytes as it was. */

function message(type: number, body: Uint8Array): Message {
  return { type, flags: 0, sequence: 0, portId: 0, body }
}

const record = <T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }) =>
  fc.record(model, { noNullPrototype: true })

test('tables', () => {
  const arbitrary: fc.Arbitrary<Table> = record({ family: nftFamily, name }).chain(required =>
    partial({ comment, flags: fc.constant(1), handle: u64 }).map(more => ({ ...required, ...more })),
  )
  fc.assert(
    fc.property(arbitrary, value => {
      assert.deepEqual(decodeTable(message(NFT_MSG_NEWTABLE, encodeTable(value))), value)
    }),
  )
})

test('chains', () => {
  const hook = record({
    type: fc.constantFrom('filter' as const, 'nat' as const),
    hook: fc.constant('ingress' as const),
    priority: fc.integer({ min: -400, max: 400 }),
    policy: fc.constantFrom('accept' as const, 'drop' as const),
    devices: fc.array(name, { minLength: 1, maxLength: 3 }),
  })
  const arbitrary: fc.Arbitrary<Chain> = record({
    family: fc.constantFrom('inet' as const, 'netdev' as const),
    table: name,
    name,
  }).chain(required => partial({ hook, comment, handle: u64 }).map(more => ({ ...required, ...more })))
  fc.assert(
    fc.property(arbitrary, value => {
      assert.deepEqual(decodeChain(message(NFT_MSG_NEWCHAIN, encodeChain(value))), value)
    }),
  )
})

test('rules', () => {
  const arbitrary: fc.Arbitrary<Rule> = record({
    family: nftFamily,
    table: name,
    chain: name,
    expressions: fc.array(expression, { maxLength: 6 }),
  }).chain(required =>
    partial({ comment, handle: u64, position: u64 }).map(more => ({ ...required, ...more })),
  )
  fc.assert(
    fc.property(arbitrary, value => {
      assert.deepEqual(decodeRule(message(NFT_MSG_NEWRULE, encodeRule(value))), value)
    }),
  )
})

test('the name of an expression may stand behind its data', () => {
  const expressions: Rule['expressions'] = [{ expr: 'immediate', destination: 0 }]
  const body = Buffer.from(encodeRule({ family: 'ip', table: 't', chain: 'c', expressions }))
  // NFTA_EXPR_NAME is 14 bytes and 2 of padding, NFTA_EXPR_DATA 12: the two change places
  const at = body.indexOf('immediate') - 4
  const swapped = Buffer.concat([
    body.subarray(0, at),
    body.subarray(at + 16, at + 28),
    body.subarray(at, at + 16),
  ])
  assert.deepEqual(decodeRule(message(NFT_MSG_NEWRULE, swapped)).expressions, expressions)
})

test('sets', () => {
  const types = fc.array(datatype, { minLength: 1, maxLength: 4 })
  const arbitrary: fc.Arbitrary<Set> = record({
    family: nftFamily,
    table: name,
    name,
    key: types,
    interval: fc.boolean(),
  }).chain(required =>
    partial({
      comment,
      handle: u64,
      timeout: fc.constant(true),
      value: fc.oneof(types, fc.constant('verdict' as const)),
    }).map(more => ({ ...required, ...more })),
  )
  fc.assert(
    fc.property(arbitrary, value => {
      assert.deepEqual(decodeSet(message(NFT_MSG_NEWSET, encodeSet(value))), value)
    }),
  )
})

const data = fc.oneof(
  verdict.map(value => ({ verdict: value })),
  bytes.map(value => ({ value })),
)
const element: fc.Arbitrary<Element> = record({ key: bytes, intervalEnd: fc.boolean() }).chain(required =>
  partial({ keyEnd: bytes, data, comment, timeoutMs: u64 }).map(more => ({ ...required, ...more })),
)

test('elements', () => {
  const arbitrary = record({
    family: nftFamily,
    table: name,
    set: name,
    elements: fc.array(element, { maxLength: 5 }),
  })
  fc.assert(
    fc.property(arbitrary, value => {
      assert.deepEqual(
        decodeElementMessage(message(NFT_MSG_NEWSETELEM, encodeElements(value, value.elements, 0).body)),
        value,
      )
    }),
  )
})

test('many elements take several messages, none too long and none lost', () => {
  const elements = Array.from({ length: 5000 }, (_, i) => ({
    key: Uint8Array.of(10, i >> 8, i & 0xff, 1),
    intervalEnd: false,
  }))
  const requests = addElements({ family: 'ip', table: 't', set: 's' }, elements)
  assert.ok(requests.length > 1)
  const back = requests.flatMap(request => decodeElementMessage(message(request.type, request.body)).elements)
  assert.deepEqual(back, elements)
  assert.deepEqual(addElements({ family: 'ip', table: 't', set: 's' }, []), [])
})

test('what cannot be said is refused with a reason', () => {
  const T = { family: 'ip', table: 't' } as const
  const cases: (() => Request)[] = [
    () => addRule({ ...T, chain: 'c', expressions: [], comment: 'x'.repeat(129) }),
    () => addSet({ ...T, name: 's', key: [63], interval: false }),
    () =>
      addChain({ ...T, name: 'c', hook: { type: 'filter', hook: 'egress', priority: 0, policy: 'accept' } }),
  ]
  for (const make of cases) assert.throws(make, error => hasCode(error, 'netlink.invalid-value'))
})
