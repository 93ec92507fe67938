import assert from 'node:assert/strict'
import { BlockList } from 'node:net'
import { describe, test } from 'node:test'
import * as fc from 'fast-check'
import { hasCode } from '../base/index.ts'
import {
  type Address,
  addressCount,
  contains,
  covers,
  firstAddress,
  firstHost,
  formatAddress,
  formatPrefix,
  lastAddress,
  nthAddress,
  nthSubnet,
  overlaps,
  type Prefix,
  parseAddress,
  parseInterfaceAddress,
  parsePrefix,
  prefixOf,
  samePrefix,
  subnets,
  tryParsePrefix,
} from './index.ts'

const address = fc.oneof(
  fc.bigInt(0n, (1n << 32n) - 1n).map((value): Address => ({ family: 4, value })),
  fc.bigInt(0n, (1n << 128n) - 1n).map((value): Address => ({ family: 6, value })),
)
const prefix: fc.Arbitrary<Prefix> = address.chain(a =>
  fc.integer({ min: 0, max: a.family === 4 ? 32 : 128 }).map(length => prefixOf(a, length)),
)
// Two addresses that share many leading bits, so that "contains" is true half of the time.
const near = fc
  .tuple(address, fc.bigInt(0n, (1n << 128n) - 1n), fc.integer({ min: 0, max: 128 }))
  .map(([a, noise, keep]): [Address, Address] => {
    const bits = a.family === 4 ? 32 : 128
    const changed = a.value ^ (noise & ((1n << BigInt(Math.max(0, bits - keep))) - 1n))
    return [a, { family: a.family, value: BigInt.asUintN(bits, changed) }]
  })

describe('prefix text', () => {
  test('accepted and canonical', () => {
    for (const text of [
      '10.244.0.0/16',
      '0.0.0.0/0',
      '1.2.3.4/32',
      '::/0',
      'fd00:10::/64',
      '2001:db8::1/128',
    ]) {
      assert.equal(formatPrefix(parsePrefix(text)), text)
    }
    assert.equal(formatPrefix(parsePrefix('FD00:0010::/64')), 'fd00:10::/64')
  })

  test('refused', () => {
    const table = [
      '',
      '/',
      '10.0.0.0',
      '10.0.0.0/',
      '10.0.0.0/33',
      '10.0.0.0/08',
      '10.0.0.0/-1',
      '10.0.0.0/8/8',
      '10.0.0.0/ 8',
      '10/8',
      '::/129',
      '::/1e1',
      '10.0.0.0/255.0.0.0',
      'fe80::%1/64',
    ]
    for (const text of table) {
      assert.equal(tryParsePrefix(text), undefined, text)
      assert.throws(
        () => parsePrefix(text),
        error => hasCode(error, 'ip.malformed'),
        text,
      )
    }
  })

  test('host bits are an error that names the network', () => {
    assert.equal(tryParsePrefix('10.1.2.3/24'), undefined)
    assert.throws(
      () => parsePrefix('10.1.2.3/24'),
      error => hasCode(error, 'ip.host-bits') && error.message.includes('10.1.2.0/24'),
    )
    const { address: host, prefix: network } = parseInterfaceAddress('10.1.2.3/24')
    assert.deepEqual([formatAddress(host), formatPrefix(network)], ['10.1.2.3', '10.1.2.0/24'])
  })

  test('parse after format is identity', () => {
    fc.assert(fc.property(prefix, p => samePrefix(parsePrefix(formatPrefix(p)), p)))
  })
})

describe('prefix relations', () => {
  test('contains agrees with net.BlockList', () => {
    fc.assert(
      fc.property(near, fc.integer({ min: 1, max: 128 }), ([a, b], anyLength) => {
        const type = `ipv${a.family}` as const
        const p = prefixOf(a, a.family === 4 ? 1 + (anyLength % 32) : anyLength)
        const oracle = new BlockList()
        oracle.addSubnet(formatAddress(firstAddress(p)), p.length, type)
        assert.equal(contains(p, b), oracle.check(formatAddress(b), type))
      }),
      { numRuns: 500 },
    )
  })

  test('families never meet', () => {
    assert.equal(contains(parsePrefix('0.0.0.0/0'), parseAddress('::1')), false)
    assert.equal(overlaps(parsePrefix('0.0.0.0/0'), parsePrefix('::/0')), false)
  })

  test('covers is containment of both ends; overlap is cover one way or the other', () => {
    fc.assert(
      fc.property(prefix, prefix, (a, b) => {
        assert.equal(covers(a, b), contains(a, firstAddress(b)) && contains(a, lastAddress(b)))
        assert.equal(overlaps(a, b), overlaps(b, a))
        assert.ok(covers(a, a))
      }),
    )
  })
})

describe('prefix arithmetic', () => {
  test('first, last, nth, count', () => {
    const p = parsePrefix('10.244.1.0/24')
    assert.equal(addressCount(p), 256n)
    assert.equal(formatAddress(firstAddress(p)), '10.244.1.0')
    assert.equal(formatAddress(lastAddress(p)), '10.244.1.255')
    assert.equal(formatAddress(nthAddress(p, 1n)), '10.244.1.1')
    assert.throws(
      () => nthAddress(p, 256n),
      error => hasCode(error, 'ip.out-of-range'),
    )
    assert.throws(
      () => nthAddress(p, -1n),
      error => hasCode(error, 'ip.out-of-range'),
    )
    assert.equal(addressCount(parsePrefix('::/0')), 1n << 128n)
  })

  test('the first host comes after the network address, where there is one', () => {
    const pairs = [
      ['10.1.0.0/24', '10.1.0.1'],
      ['10.1.0.4/30', '10.1.0.5'],
      ['10.1.0.4/31', '10.1.0.4'],
      ['10.1.0.4/32', '10.1.0.4'],
      ['fd00::/64', 'fd00::1'],
      ['fd00::2/127', 'fd00::2'],
    ] as const
    for (const [prefix, host] of pairs) assert.equal(formatAddress(firstHost(parsePrefix(prefix))), host)
  })

  test('subnets are lazy, disjoint and complete', () => {
    const p = parsePrefix('10.244.0.0/22')
    assert.deepEqual([...subnets(p, 24)].map(formatPrefix), [
      '10.244.0.0/24',
      '10.244.1.0/24',
      '10.244.2.0/24',
      '10.244.3.0/24',
    ])
    const [first] = subnets(parsePrefix('::/0'), 128)
    assert.equal(first === undefined ? '' : formatPrefix(first), '::/128')
    assert.throws(
      () => subnets(p, 21),
      error => hasCode(error, 'ip.out-of-range'),
    )
    assert.throws(
      () => subnets(p, 33),
      error => hasCode(error, 'ip.out-of-range'),
    )
    assert.throws(
      () => nthSubnet(p, 24, 4n),
      error => hasCode(error, 'ip.out-of-range'),
    )
  })

  test('any subnet is covered, and neighbours do not overlap', () => {
    fc.assert(
      fc.property(prefix, fc.nat(), fc.nat(), (p, grow, pick) => {
        const bits = p.family === 4 ? 32 : 128
        const length = p.length + (grow % (bits - p.length + 1))
        const count = 1n << BigInt(length - p.length)
        const n = BigInt(pick) % count
        const one = nthSubnet(p, length, n)
        assert.ok(covers(p, one))
        if (n + 1n < count) assert.ok(!overlaps(one, nthSubnet(p, length, n + 1n)))
      }),
    )
  })
})
