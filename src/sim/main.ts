import { execFileSync } from 'node:child_process'
import path from 'node:path'
import process from 'node:process'
import { type Arguments, readArguments, USAGE } from './arguments.ts'
import { type Explored, explore, type Finding } from './explore.ts'
import { GUARDS } from './guards/guards.ts'
import { TABLE_HEAD, tableRow, tryGuard } from './guards/try-guard.ts'
import { readRegression, saveRegression } from './regressions.ts'
import { runScenario } from './run-scenario.ts'
import type { Scenario } from './scenario.ts'
import { shrink } from './shrink.ts'

const SOURCES = path.dirname(import.meta.dirname)
const ROOT = path.dirname(SOURCES)
const REGRESSIONS = path.join(import.meta.dirname, 'regressions')

/** Within so many scenarios the absence of a guard must be noticed. */
const GUARD_SCENARIOS = 250

const print = (text: string) => process.stdout.write(`${text}\n`)

try {
  process.exitCode = await main(readArguments(process.argv.slice(2)))
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 2
}

/** The exit status: 1 if an invariant was broken, or a guard's absence not noticed. */
async function main(asked: Arguments): Promise<number> {
  switch (asked.mode) {
    case 'help':
      print(USAGE)
      return 0
    case 'replay':
      return replay(asked)
    case 'guard':
    case 'guards':
      return guards(asked)
    case 'explore':
      return search(asked)
  }
}

async function search(asked: Arguments): Promise<number> {
  const seed = asked.seed ?? Math.floor(Math.random() * 2 ** 31)
  print(`seed ${seed}, commit ${commit()}`)
  const explored = await explore({
    seed,
    scenarios: asked.seeds,
    seconds: asked.seconds,
    nowMs: () => performance.now(),
    cpuMs: () => {
      const { user, system } = process.cpuUsage()
      return (user + system) / 1000
    },
  })
  print(speed(explored))
  const { finding } = explored
  if (finding === undefined) {
    print('every invariant held')
    if (asked.json) print(JSON.stringify({ scenarios: explored.scenarios }))
    return 0
  }
  const smallest = await tell(finding, asked.traceLines)
  const { invariant, found } = finding.failure
  if (asked.json) {
    print(
      JSON.stringify({ scenarios: explored.scenarios, invariant, found, commands: smallest.commands.length }),
    )
  }
  return 1
}

function rate(count: number, seconds: number): string {
  return (count / seconds).toFixed(count / seconds < 100 ? 1 : 0)
}

function speed({ scenarios, events, seconds, cpuSeconds }: Explored): string {
  return (
    `${scenarios} scenarios, ${events} events in ${seconds.toFixed(1)} s: ` +
    `${rate(scenarios, seconds)} scenarios/s, ${rate(events, seconds)} events/s ` +
    `(${rate(events, cpuSeconds)} a CPU second)`
  )
}

/** Prints a failure, shrinks it and keeps it. */
async function tell({ scenario, failure, run }: Finding, traceLines: number): Promise<Scenario> {
  print(`\n${failure.invariant} is broken: ${failure.words}`)
  print(`  ${failure.found}\n  at ${(failure.atMs / 1000).toFixed(3)} s of seed ${scenario.seed}\n`)
  for (const line of run.trace(traceLines)) print(line)
  const smallest = await shrink(scenario, failure)
  print(`\nshrunk from ${scenario.commands.length} to ${smallest.commands.length} commands:`)
  print(JSON.stringify(smallest.knobs))
  for (const command of smallest.commands) print(`  ${JSON.stringify(command)}`)
  const file = saveRegression(REGRESSIONS, smallest, failure, commit())
  const shown = path.relative(process.cwd(), file)
  print(`\nkept as ${shown}; play it again: npm run sim -- --replay ${shown}`)
  return smallest
}

async function replay({ name, traceLines }: Arguments): Promise<number> {
  const { scenario, found } = readRegression(name)
  print(`seed ${scenario.seed}, found at commit ${found.commit}: ${found.invariant}, ${found.words}`)
  const run = await runScenario(scenario)
  for (const line of run.trace(traceLines)) print(line)
  const { failure } = run
  print(failure === undefined ? 'every invariant held' : `${failure.invariant} is broken: ${failure.found}`)
  return failure === undefined ? 0 : 1
}

async function guards({ mode, name, seed = 1, seeds, seconds }: Arguments): Promise<number> {
  const chosen = GUARDS.filter(guard => mode === 'guards' || guard.name === name)
  if (chosen.length === 0) {
    throw new Error(`there is no guard "${name}"; there are: ${GUARDS.map(guard => guard.name).join(', ')}`)
  }
  const interrupted = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interrupted.abort())
  print(TABLE_HEAD)
  const scenarios = Math.min(seeds, GUARD_SCENARIOS)
  let missed = 0
  for (const guard of chosen) {
    const trial = await tryGuard(ROOT, guard, { seed, scenarios, seconds, signal: interrupted.signal })
    if (!trial.asExpected) missed += 1
    print(tableRow(guard, trial))
  }
  return missed === 0 ? 0 : 1
}

function commit(): string {
  try {
    return execFileSync('git', ['rev-parse', '--short', 'HEAD'], {
      cwd: ROOT,
      encoding: 'utf8',
      stdio: 'pipe',
    }).trim()
  } catch {
    return 'unknown'
  }
}
