import assert from 'node:assert/strict'
import { it } from 'node:test'
import { formatTable } from './table.ts'

it('aligns names to the left and figures to the right, with dashes where there is no peer', () => {
  const text = formatTable([
    { name: 'add', unit: 'ms', ours: 2.5, peer: 12, ratio: 4.8, n: 120 },
    { name: 'spawn-floor', unit: 'ms', ours: 1, peer: null, ratio: null, n: 8 },
  ])
  assert.deepEqual(text.split('\n'), [
    '             ours  peer  unit  ratio    n',
    'add           2.5    12    ms   4.8x  120',
    'spawn-floor     1     -    ms      -    8',
  ])
})
