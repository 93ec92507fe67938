import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { formatInput, readCorpus } from './engine/corpus.ts'
import { judge } from './engine/target.ts'
import { targets } from './targets/index.ts'

/** The inputs that `npm run fuzz` kept, once more, without counting branches. */

const corpus = join(import.meta.dirname, 'corpus')

for (const target of targets) {
  test(target.name, async () => {
    const { inputs, crashes } = readCorpus(join(corpus, `${target.name}.txt`))
    assert.ok(inputs.length > 0, `no corpus yet: npm run fuzz -- --target ${target.name} --keep`)
    for (const input of [...target.seeds, ...inputs, ...crashes]) {
      const verdict = await judge(target, input)
      const text = verdict.kind === 'crash' ? `${verdict.crash.message} [${verdict.crash.key}]` : ''
      assert.equal(text, '', formatInput(input))
    }
  })
}

test('every corpus belongs to a target', () => {
  const files = readdirSync(corpus).sort()
  assert.deepEqual(files, targets.map(({ name }) => `${name}.txt`).sort())
})

test('of each target at least one seed is read, so that more than refusals are tried', async () => {
  const unread: string[] = []
  for (const target of targets) {
    const verdicts = await Promise.all(target.seeds.map(seed => judge(target, seed)))
    if (!verdicts.some(({ kind }) => kind === 'value')) unread.push(target.name)
  }
  assert.deepEqual(unread, [])
})
