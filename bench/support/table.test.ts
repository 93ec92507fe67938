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

it('has a column for confidence intervals if a row has one', () => {
  const text = formatTable([
    { name: 'tcp', unit: 'x', ours: 1, peer: 1, ratio: 1, n: 9, low: 0.98, high: 1.02 },
  ])
  assert.deepEqual(text.split('\n'), [
    '     ours  peer  unit  ratio          95 %  n',
    'tcp     1     1     x     1x  0.98 to 1.02  9',
  ])
})
