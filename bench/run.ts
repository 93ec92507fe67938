/**
 * `npm run bench -- NAME [--json] [--quick] [--guest]`: runs `bench/NAME.ts` and prints its rows as a table, or with
 * --json as one object on the last line of standard output. Progress goes to standard error.
 */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { parseArgs } from 'node:util'
import type { Bench, BenchContext } from './support/bench.ts'
import { formatTable } from './support/table.ts'

/** Files of this folder that are no benchmarks. */
const OTHERS = new Set(['run.ts', 'stats.ts'])

const FLAGS = { json: { type: 'boolean' }, quick: { type: 'boolean' }, guest: { type: 'boolean' } } as const

function benchNames(): string[] {
  return readdirSync(import.meta.dirname)
    .filter(file => file.endsWith('.ts') && !file.endsWith('.test.ts') && !OTHERS.has(file))
    .map(file => file.slice(0, -'.ts'.length))
    .sort()
}

function isBench(value: unknown): value is Bench {
  return typeof value === 'object' && value !== null && 'run' in value && typeof value.run === 'function'
}

async function loadBench(name: string): Promise<Bench> {
  const loaded: { bench?: unknown } = await import(join(import.meta.dirname, `${name}.ts`))
  if (isBench(loaded.bench)) return loaded.bench
  throw new Error(`bench/${name}.ts exports no \`bench\``)
}

function usage(problem: string): number {
  const names = benchNames().map(name => `  ${name}`)
  const lines = [
    `bench: ${problem}`,
    'usage: npm run bench -- NAME [--json] [--quick] [--guest]',
    'names:',
    ...names,
  ]
  process.stderr.write(`${lines.join('\n')}\n`)
  return 2
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({ options: FLAGS, allowPositionals: true, strict: false })
  const [name, ...more] = positionals
  if (name === undefined) return usage('one name is needed')
  if (!benchNames().includes(name)) return usage(`there is no benchmark named ${JSON.stringify(name)}`)
  const unknown = [...more, ...Object.keys(values).filter(flag => !Object.hasOwn(FLAGS, flag))]
  if (unknown.length > 0) return usage(`not understood: ${unknown.join(' ')}`)

  const bench = await loadBench(name)
  const guest = values['guest'] === true
  if (guest && bench.canUseGuest !== true) return usage(`${name} has nothing to measure in the guest`)
  const interrupt = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => interrupt.abort(new Error(`stopped by ${signal}`)))
  }
  const context: BenchContext = {
    note: line => process.stderr.write(`${line}\n`),
    quick: values['quick'] === true,
    guest,
    signal: interrupt.signal,
  }
  context.note(`${name}: ${bench.what}`)
  const rows = await bench.run(context).catch((error: unknown) => {
    // Ctrl-C makes all sorts of things fail; it is not they that must be told.
    interrupt.signal.throwIfAborted()
    throw error
  })
  process.stdout.write(
    `${values['json'] === true ? JSON.stringify({ bench: name, rows }) : formatTable(rows)}\n`,
  )
  return 0
}

main().then(
  code => {
    process.exitCode = code
  },
  (error: unknown) => {
    process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`)
    process.exitCode = 1
  },
)
