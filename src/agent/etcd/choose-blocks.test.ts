import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parsePrefix } from '../../ip/index.ts'
import { areFree, chooseBlocks, fitRanges } from './choose-blocks.ts'

const range = (first: string, last: string) => ({ first: parsePrefix(first), last: parsePrefix(last) })
const v4 = range('10.5.1.0/24', '10.5.255.0/24')
const v6 = range('fd00:5:0:1::/64', 'fd00:5:0:ff::/64')
const first = () => 0
const last = () => 0.999999

describe('the blocks of a node', () => {
  it('are of each range one, by chance of the first hundred that are free', () => {
    assert.deepEqual(chooseBlocks([v4, v6], [], first), ['10.5.1.0/24', 'fd00:5:0:1::/64'])
    assert.deepEqual(chooseBlocks([v4, v6], [], last), ['10.5.100.0/24', 'fd00:5:0:64::/64'])
  })

  it('share no address with any that is taken, however long that is', () => {
    const taken = ['10.5.1.0/24', '10.5.2.128/25', '10.5.4.0/22', 'fd00:5:0:1::/64']
    assert.deepEqual(chooseBlocks([v4], taken, first), ['10.5.3.0/24'])
    assert.deepEqual(chooseBlocks([v4], [...taken, '10.5.3.0/24'], first), ['10.5.8.0/24'])
    assert.ok(areFree(['10.5.3.0/24', 'fd00:5:0:2::/64'], taken))
    for (const cidr of ['10.5.2.0/24', '10.5.5.0/24', 'fd00:5:0:1::/64']) assert.ok(!areFree([cidr], taken))
  })

  it('are none if a range has none left', () => {
    const small = range('10.5.1.0/24', '10.5.2.0/24')
    assert.equal(chooseBlocks([small, v6], ['10.5.0.0/16'], first), undefined)
    assert.deepEqual(chooseBlocks([small], ['10.5.1.0/24'], last), ['10.5.2.0/24'])
  })

  it('are found behind a taken prefix that no loop could walk through', () => {
    const large = range('fd00::/64', 'fdff:ffff:ffff:ffff::/64')
    assert.deepEqual(chooseBlocks([large], ['fd00::/9'], first), ['fd80::/64'])
    assert.equal(chooseBlocks([large], ['fd00::/8'], first), undefined)
  })

  it('fit if they are of the length and within the bounds of each range', () => {
    assert.ok(fitRanges([v4, v6], ['10.5.255.0/24', 'fd00:5:0:ff::/64']))
    for (const cidrs of [
      [],
      ['10.5.255.0/24'],
      ['10.5.0.0/24', 'fd00:5:0:ff::/64'],
      ['10.6.0.0/24', 'fd00:5:0:ff::/64'],
      ['10.5.255.0/25', 'fd00:5:0:ff::/64'],
      ['fd00:5:0:ff::/64', '10.5.255.0/24'],
      ['nothing', 'fd00:5:0:ff::/64'],
    ]) {
      assert.ok(!fitRanges([v4, v6], cidrs), cidrs.join(' '))
    }
  })
})
