import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import process from 'node:process'
import { test } from 'node:test'

const MODULE = join(import.meta.dirname, 'lean-heap.ts')

/** Size of the young generation, bytes, of a process that has kept much of what it made. */
function youngGeneration(first: string): number {
  const program = `${first}
    import v8 from 'node:v8'
    const kept = Array.from({ length: 300_000 }, (_, n) => ({ n, text: 'item ' + n }))
    const spaces = v8.getHeapSpaceStatistics().filter(({ space_name }) => space_name === 'new_space')
    console.log(kept.length > 0 && spaces[0].space_size)`
  const argv = ['--input-type=module', '--eval', program]
  return Number(execFileSync(process.execPath, argv, { encoding: 'utf8' }))
}

test('the young generation does not grow', () => {
  const lean = youngGeneration(`import { keepHeapLean } from ${JSON.stringify(MODULE)}; keepHeapLean()`)
  assert.ok(lean > 0 && lean <= 4 * 1024 ** 2, `${lean} bytes`)
  // Else the line above says nothing.
  assert.ok(youngGeneration('') > 4 * lean)
})
