import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { labCgroup, nodeCgroup, removeCgroup } from './cgroups.ts'

describe('control groups', () => {
  it('differ between labs of one name, and stay the same for one lab', () => {
    assert.notEqual(labCgroup('/run/podlace-lab/a'), labCgroup('/tmp/labs/a'))
    assert.equal(labCgroup('/tmp/labs/a'), labCgroup('/tmp/labs/a'))
    assert.equal(nodeCgroup('/tmp/labs/a', 'node-1'), `${labCgroup('/tmp/labs/a')}/node-1`)
  })

  it('may be gone when they are removed', () => {
    assert.doesNotThrow(() => removeCgroup(labCgroup('/tmp/no-such-lab')))
  })
})
