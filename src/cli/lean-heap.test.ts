import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import process from 'node:process'
import { test } from 'node:test'
import { hasMaglev } from './lean-heap.ts'

const MODULE = join(import.meta.dirname, 'lean-heap.ts')
const KEEP_LEAN = `import { keepHeapLean } from ${JSON.stringify(MODULE)}; keepHeapLean();`

/** What a process prints that runs this program. */
function outputOf(program: string, ...flags: string[]): string {
  const argv = [...flags, '--input-type=module', '--eval', program]
  return execFileSync(process.execPath, argv, { encoding: 'utf8' })
}

/** Size of the young generation, bytes, of a process that has kept much of what it made. */
function youngGeneration(first: string): number {
  const program = `${first}
    import v8 from 'node:v8'
    const kept = Array.from({ length: 300_000 }, (_, n) => ({ n, text: 'item ' + n }))
    const spaces = v8.getHeapSpaceStatistics().filter(({ space_name }) => space_name === 'new_space')
    console.log(kept.length > 0 && spaces[0].space_size)`
  return Number(outputOf(program))
}

test('the young generation does not grow', () => {
  const lean = youngGeneration(KEEP_LEAN)
  assert.ok(lean > 0 && lean <= 4 * 1024 ** 2, `${lean} bytes`)
  // Else the line above says nothing.
  assert.ok(youngGeneration('') > 4 * lean)
})

/** The compilers that V8 uses where a function is called so many times. */
function compilersUsed(first: string, calls: number): Set<string> {
  const program = `${first}
    const busy = (a, b) => a * b + a - b
    for (let n = 0; n < ${calls}; n++) busy(n, 3)`
  const lines = outputOf(program, '--trace-opt').matchAll(/compiling method .*\(target (\w+)\)/g)
  return new Set(Array.from(lines, ([, compiler]) => compiler ?? ''))
}

test('only the quick compiler is used, and early; where there is none, the other one', () => {
  const often = 3_000_000
  const seldom = 250
  if (!hasMaglev()) return assert.equal(compilersUsed(KEEP_LEAN, often).size, 1)
  assert.deepEqual(compilersUsed(KEEP_LEAN, often), new Set(['MAGLEV']))
  assert.deepEqual(compilersUsed(KEEP_LEAN, seldom), new Set(['MAGLEV']))
  // Else the lines above say nothing.
  assert.ok(compilersUsed('', often).has('TURBOFAN_JS'))
  assert.deepEqual(compilersUsed('', seldom), new Set())
})
