import { type Failure, runScenario } from './run-scenario.ts'
import type { Command, Knobs, Scenario } from './scenario.ts'

/** Runs that one shrinking may take. */
const MOST_RUNS = 300
/** A smaller scenario may fail somewhat later, virtual milliseconds. */
const LATER_MS = 60_000

export interface ShrinkOptions {
  /** Runs it may take. */
  readonly runs?: number
  /** How it is found out whether a scenario still fails; by default it is run. */
  readonly fails?: Test
}

/** Makes a failing scenario smaller as long as it fails in the same way: fewer commands, then a simpler world. */
export async function shrink(
  scenario: Scenario,
  failure: Failure,
  options: ShrinkOptions = {},
): Promise<Scenario> {
  const { fails = candidate => failsAlike(candidate, failure) } = options
  const budget = { left: options.runs ?? MOST_RUNS }
  const test: Test = async candidate => budget.left-- > 0 && (await fails(candidate))
  let smallest = scenario
  for (;;) {
    const before = size(smallest)
    smallest = await withSimplerKnobs(await withFewerCommands(smallest, test), test)
    if (size(smallest) === before || budget.left <= 0) return smallest
  }
}

async function failsAlike(candidate: Scenario, failure: Failure): Promise<boolean> {
  const run = await runScenario(candidate, { lastMs: failure.atMs + LATER_MS })
  return run.failure?.invariant === failure.invariant
}

/** True if the candidate fails like the scenario it comes from. */
type Test = (candidate: Scenario) => Promise<boolean>

/** Zeller's delta debugging: whole parts first, then smaller ones, at last single commands. */
async function withFewerCommands(scenario: Scenario, fails: Test): Promise<Scenario> {
  let commands: readonly Command[] = scenario.commands
  for (let part = Math.ceil(commands.length / 2); part >= 1; part = part === 1 ? 0 : Math.ceil(part / 2)) {
    for (let start = 0; start < commands.length; ) {
      const rest = commands.toSpliced(start, part)
      if (await fails({ ...scenario, commands: rest })) commands = rest
      else start += part
    }
  }
  return { ...scenario, commands }
}

async function withSimplerKnobs(scenario: Scenario, fails: Test): Promise<Scenario> {
  let { knobs } = scenario
  for (const simpler of simplifications(knobs)) {
    const candidate = { ...knobs, ...simpler }
    if (await fails({ ...scenario, knobs: candidate })) knobs = candidate
  }
  return { ...scenario, knobs }
}

function simplifications({ nodes, kernel }: Knobs): Partial<Knobs>[] {
  const fewerNodes = [1, 2, 3].filter(fewer => fewer < nodes).map(fewer => ({ nodes: fewer }))
  const calm = { operationMs: 0, eventMs: 0, refusals: 0, interruptions: 0 }
  return [
    ...fewerNodes.toReversed(),
    { controllers: 1 },
    { kernel: calm },
    { kernel: { ...kernel, refusals: 0, interruptions: 0 } },
    { backend: 'host-gw' },
  ]
}

function size({ commands, knobs }: Scenario): number {
  return commands.length * 100 + knobs.nodes
}
