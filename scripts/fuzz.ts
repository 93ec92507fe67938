/**
 * Fuzzes the decoders of outside bytes: `npm run fuzz -- [--target NAME] [--seconds N] [--seed S] [--keep]`.
 * Without `--target` all of them, one after the other. An input that breaks one is always kept in its corpus, where
 * `make test` finds it; `--keep` keeps those that reach new parts as well.
 */
import { join } from 'node:path'
import process from 'node:process'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { formatInput, readCorpus, writeCorpus } from '../test/fuzz/engine/corpus.ts'
import { Coverage } from '../test/fuzz/engine/coverage.ts'
import { Dice } from '../test/fuzz/engine/dice.ts'
import { Fuzzer } from '../test/fuzz/engine/fuzzer.ts'
import { instrumentImports } from '../test/fuzz/engine/hook.ts'
import type { Target } from '../test/fuzz/engine/target.ts'

const ROOT = join(import.meta.dirname, '..')

const { values } = parseArgs({
  options: {
    target: { type: 'string', default: '' },
    seconds: { type: 'string', default: '10' },
    seed: { type: 'string', default: '1' },
    keep: { type: 'boolean', default: false },
  },
})

const coverage = new Coverage()
const modules = instrumentImports(pathToFileURL(join(ROOT, 'src/')).href, coverage)
// Only what is imported from here on is instrumented.
const { targets } = await import('../test/fuzz/targets/index.ts')

const chosen = targets.filter(one => one.name.startsWith(values.target))
if (chosen.length === 0)
  say(`no target ${values.target}; there are ${targets.map(one => one.name).join(' ')}`)
let crashes = chosen.length === 0 ? 1 : 0
for (const target of chosen) crashes += await fuzz(target)
process.exitCode = crashes === 0 ? 0 : 1

async function fuzz(target: Target): Promise<number> {
  const file = join(ROOT, 'test/fuzz/corpus', `${target.name}.txt`)
  const corpus = readCorpus(file)
  const fuzzer = new Fuzzer({ target, coverage, modules, dice: new Dice(Number(values.seed)), corpus })
  await fuzzer.start()
  const started = performance.now()
  const elapsed = () => (performance.now() - started) / 1000
  while (elapsed() < Number(values.seconds)) for (let n = 0; n < 100; n += 1) await fuzzer.step()
  const { executions, stepsPerByte } = fuzzer
  const rate = Math.round(executions / elapsed())
  say(`${target.name}: ${executions} executions, ${rate}/s, ${fuzzer.summary}, ${stepsPerByte} steps a byte`)
  for (const { message, key, executions: after, input } of fuzzer.crashes) {
    say(`  CRASH after ${after}: ${message} [${key}]\n    ${formatInput(input).slice(0, 400)}`)
  }
  if (values.keep) writeCorpus(file, await fuzzer.minimised())
  else if (fuzzer.crashes.length > 0) writeCorpus(file, { ...corpus, crashes: fuzzer.crashInputs() })
  return fuzzer.crashes.length
}

function say(text: string): void {
  process.stdout.write(`${text}\n`)
}
