import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { hasCode } from '../../base/index.ts'
import { formatPrefix, prefixOf } from '../../ip/index.ts'
import { elementsOf, keyedElements } from './element-text.ts'
import { registerLength } from './register.ts'

const nets = { key: ['ipv4_addr'] as const, interval: true }

test('a prefix is where it starts and where it has ended', () => {
  const elements = elementsOf(nets, { key: ['10.0.0.0/8'] })
  assert.deepEqual(
    elements.map(({ key, intervalEnd }) => [[...(key ?? [])], intervalEnd]),
    [
      [[10, 0, 0, 0], false],
      [[11, 0, 0, 0], true],
    ],
  )
})

test('what reaches to the last key has no end', () => {
  assert.equal(elementsOf(nets, { key: ['224.0.0.0/3'] }).length, 1)
  const back = keyedElements(nets, elementsOf(nets, { key: ['0.0.0.0/0'] }))
  assert.deepEqual(back, [{ key: ['0.0.0.0/0'] }])
})

test('neighbouring intervals stay apart, in any order, and the marker of nft before the first is nothing', () => {
  const keys = ['10.0.0.0/24', '10.0.1.0/24', '10.0.2.1', '10.0.2.2-10.0.2.9']
  const elements = keys.flatMap(key => elementsOf(nets, { key: [key] }))
  const marker = { key: new Uint8Array(4), intervalEnd: true }
  const back = keyedElements(nets, [...elements.toReversed(), marker])
  assert.deepEqual(
    back.map(({ key }) => key[0]),
    keys,
  )
})

test('any set of disjoint prefixes comes back as it was', () => {
  const block = fc.integer({ min: 0, max: 255 })
  const blocks = fc.uniqueArray(block, { maxLength: 20 })
  fc.assert(
    fc.property(blocks, fc.integer({ min: 8, max: 31 }), (firsts, length) => {
      const keys = firsts
        .toSorted((a, b) => a - b)
        .map(first => formatPrefix(prefixOf({ family: 4, value: BigInt(first) << 24n }, length)))
      const elements = keys.flatMap(key => elementsOf(nets, { key: [key] }))
      assert.deepEqual(
        keyedElements(nets, elements).map(({ key }) => key[0]),
        keys,
      )
    }),
    { numRuns: 50 },
  )
})

test('concatenations fill each part up to four bytes; values and verdicts come along', () => {
  const services = {
    key: ['ipv4_addr', 'inet_proto', 'inet_service'] as const,
    value: ['ipv4_addr', 'inet_service'] as const,
    interval: false,
  }
  assert.equal(registerLength(services.key), 12)
  const element = { key: ['10.96.0.1', 'tcp', '443'], value: ['10.244.1.2', '6443'] }
  assert.deepEqual(keyedElements(services, elementsOf(services, element)), [element])
  const jumps = { key: ['mark'] as const, value: 'verdict' as const, interval: false }
  const jump = { key: ['0x4000'], value: { do: 'jump' as const, chain: 'c' } }
  assert.deepEqual(keyedElements(jumps, elementsOf(jumps, jump)), [jump])
})

test('ranges in several dimensions', () => {
  const both = { key: ['ipv6_addr', 'inet_service', 'ifname'] as const, interval: true }
  const element = { key: ['fd00::/8', '80-90', 'veth-a'] }
  assert.deepEqual(keyedElements(both, elementsOf(both, element)), [element])
})

test('texts that are not of the type are refused', () => {
  const ports = { key: ['inet_service'] as const, interval: false }
  for (const key of [['80-90'], ['65536'], ['http'], ['80', '81'], []]) {
    assert.throws(
      () => elementsOf(ports, { key }),
      error => hasCode(error, 'netlink.invalid-value'),
    )
  }
  assert.throws(() => elementsOf(nets, { key: ['fd00::/8'] }))
  assert.throws(() => elementsOf(nets, { key: ['10.0.0.9-10.0.0.1'] }))
})
