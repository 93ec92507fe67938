import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import process from 'node:process'
import { test } from 'node:test'

const MODULE = join(import.meta.dirname, 'memory.ts')

/** Of 60 MB that malloc gave out in small pieces each hundredth piece stays in use, so that it can keep the rest. */
const PROGRAM = `
  import { setTimeout } from 'node:timers/promises'
  import { trimMemory } from ${JSON.stringify(MODULE)}
  const used = () => process.memoryUsage().arrayBuffers
  let pieces = Array.from({ length: 6_000 }, () => new Uint8Array(10_000).fill(1))
  const full = used()
  const kept = pieces.filter((_, index) => index % 100 === 0)
  pieces = []
  for (let turn = 0; used() > full / 10 && turn < 200; turn++) {
    gc()
    await setTimeout(10)
  }
  const before = process.memoryUsage.rss()
  trimMemory()
  console.log(kept.length > 0 && before - process.memoryUsage.rss())`

test('what was freed goes back to the kernel', () => {
  const argv = ['--expose-gc', '--input-type=module', '--eval', PROGRAM]
  const given = Number(execFileSync(process.execPath, argv, { encoding: 'utf8' }))
  assert.ok(given > 30e6, `${given} bytes`)
})
