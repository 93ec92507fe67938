import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import * as fc from 'fast-check'
import { hasCode } from '../base/index.ts'
import { formatPrefix, nthSubnet, overlaps, parsePrefix, prefixOf, subnets } from '../ip/index.ts'
import { nextFreeBlock } from './index.ts'

function next(network: string, length: number, taken: string[] = []): string | undefined {
  const block = nextFreeBlock(parsePrefix(network), length, taken.map(parsePrefix))
  return block === undefined ? undefined : formatPrefix(block)
}

describe('nextFreeBlock', () => {
  test('the second subnet first, then the lowest free one', () => {
    assert.equal(next('10.244.0.0/16', 24), '10.244.1.0/24')
    assert.equal(next('10.244.0.0/16', 24, ['10.244.1.0/24', '10.244.3.0/24']), '10.244.2.0/24')
    assert.equal(next('10.244.0.0/16', 24, ['10.244.2.0/24']), '10.244.1.0/24')
    assert.equal(next('fd00::/48', 64, ['fd00:0:0:1::/64']), 'fd00:0:0:2::/64')
  })

  test('taken prefixes of any size, also foreign ones', () => {
    assert.equal(next('10.244.0.0/16', 24, ['10.244.1.128/25', '10.244.2.0/23']), '10.244.4.0/24')
    assert.equal(next('10.244.0.0/16', 24, ['10.0.0.0/8']), undefined)
    assert.equal(next('10.244.0.0/16', 24, ['192.0.2.0/24', 'fd00::/8']), '10.244.1.0/24')
  })

  test('full, and bounds', () => {
    assert.equal(next('10.0.0.0/30', 31), '10.0.0.2/31')
    assert.equal(next('10.0.0.0/30', 31, ['10.0.0.2/31']), undefined)
    assert.equal(next('10.0.0.0/24', 24), undefined, 'the only subnet is the first')
    const bounds = { min: parsePrefix('10.0.0.0/24'), max: parsePrefix('10.0.1.0/24') }
    const one = nextFreeBlock(parsePrefix('10.0.0.0/16'), 24, [], bounds)
    assert.equal(one === undefined ? '' : formatPrefix(one), '10.0.0.0/24')
    const taken = [parsePrefix('10.0.0.0/23')]
    assert.equal(nextFreeBlock(parsePrefix('10.0.0.0/16'), 24, taken, bounds), undefined)
    assert.throws(
      () => next('10.0.0.0/24', 16),
      error => hasCode(error, 'ip.out-of-range'),
    )
  })

  test('agrees with trying every subnet', () => {
    const network = parsePrefix('10.0.0.0/24')
    const some = fc
      .tuple(fc.nat(300), fc.integer({ min: 23, max: 32 }))
      .map(([value, length]) => prefixOf({ family: 4, value: network.network - 22n + BigInt(value) }, length))
    fc.assert(
      fc.property(fc.array(some, { maxLength: 12 }), fc.integer({ min: 24, max: 30 }), (taken, length) => {
        const expected = [...subnets(network, length)]
          .slice(1)
          .find(block => !taken.some(prefix => overlaps(prefix, block)))
        assert.deepEqual(nextFreeBlock(network, length, taken), expected)
      }),
    )
  })

  test('5,000 nodes in a /8', () => {
    const network = parsePrefix('10.0.0.0/8')
    const taken = Array.from({ length: 5000 }, (_, n) => nthSubnet(network, 24, BigInt(n + 1)))
    assert.deepEqual(nextFreeBlock(network, 24, taken), nthSubnet(network, 24, 5001n))
  })
})
