import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import process from 'node:process'
import { describe, it } from 'node:test'

function run(...args: string[]) {
  return spawnSync(process.execPath, [join(import.meta.dirname, 'run.ts'), ...args], { encoding: 'utf8' })
}

describe('the runner', () => {
  for (const args of [
    [],
    ['none-such'],
    ['cni', 'cni'],
    ['cni', '--fast'],
    ['cni', '--guest'],
    ['../scripts/floors'],
  ]) {
    it(`refuses \`${args.join(' ')}\` and names the benchmarks`, () => {
      const { status, stdout, stderr } = run(...args)
      assert.equal(status, 2)
      assert.equal(stdout, '')
      assert.match(stderr, /usage: npm run bench -- NAME/)
      assert.match(stderr, /^ {2}cni$/m)
    })
  }
})
