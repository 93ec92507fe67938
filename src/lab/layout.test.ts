import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  CONTROL_HOST,
  controlAddress,
  HAND_HOSTS,
  hostAddress,
  labPaths,
  MAX_NODES,
  segment,
  segmentOf,
} from './layout.ts'
import { quote } from './node-mounts.ts'

describe('the underlay', () => {
  it('numbers hosts in their segment', () => {
    assert.equal(hostAddress(2, segment(1)), '192.168.77.2')
    assert.equal(hostAddress(200, segment(2)), '192.168.78.200')
    assert.equal(controlAddress(), '192.168.77.250')
  })

  it('deals the nodes out to the segments in turn', () => {
    const numbers = [1, 2, 3, 4].map(node => segmentOf(node, 2).number)
    assert.deepEqual(numbers, [1, 2, 1, 2])
    assert.equal(segmentOf(7, 1).number, 1)
  })

  it('gives no address twice', () => {
    const special = [CONTROL_HOST, ...HAND_HOSTS, 254]
    assert.ok(special.every(host => host > MAX_NODES))
    assert.equal(new Set(special).size, special.length)
  })
})

describe('labPaths', () => {
  it('has a log for every role', () => {
    assert.equal(labPaths('/labs', 'x').log('agent node-1'), '/labs/x/logs/agent-node-1.log')
  })
})

describe('quote', () => {
  it('makes one word of anything', () => {
    assert.equal(quote("it's $HOME"), `'it'\\''s $HOME'`)
  })
})
