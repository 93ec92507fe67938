import { spawn } from 'node:child_process'
import path from 'node:path'
import process from 'node:process'
import { text } from 'node:stream/consumers'
import type { Guard } from './guard.ts'
import { copyWithout } from './revert.ts'

/** What became of the product without one of its guards. */
export interface Trial {
  /** By which its absence was noticed; undefined if it was not. */
  readonly invariant: string | undefined
  /** Scenarios until then. */
  readonly scenarios: number
  /** Of the smallest scenario that shows it. */
  readonly commands: number | undefined
  readonly asExpected: boolean
}

export const TABLE_HEAD = `| guard | what it protects | caught by | after scenarios | shrunk to commands |
|---|---|---|---|---|`

export function tableRow({ name, protects }: Guard, { invariant, scenarios, commands }: Trial): string {
  return `| ${name} | ${protects} | ${invariant ?? '**not caught**'} | ${scenarios} | ${commands ?? ''} |`
}

export interface TrialLimits {
  /** Of the first scenario. */
  readonly seed: number
  readonly scenarios: number
  readonly seconds: number
  readonly signal: AbortSignal
}

/** Runs the simulation in a copy of the sources without the guard until that is noticed, or a limit is reached. */
export async function tryGuard(
  root: string,
  guard: Guard,
  { seed, scenarios, seconds, signal }: TrialLimits,
): Promise<Trial> {
  const copy = copyWithout(root, guard)
  try {
    const said = await simulate(
      copy.directory,
      [...limitArguments({ seed, scenarios, seconds }), ...TERSE],
      signal,
    )
    const result = JSON.parse(said.trim().split('\n').at(-1) ?? '') as {
      readonly scenarios: number
      readonly invariant?: string
      readonly commands?: number
    }
    const { invariant } = result
    return {
      invariant,
      scenarios: result.scenarios,
      commands: result.commands,
      asExpected: invariant !== undefined && guard.expects.includes(invariant),
    }
  } finally {
    copy.remove()
  }
}

const TERSE = ['--trace', '0', '--json']

/** Without an end in time if there is none. */
export function limitArguments({ seed, scenarios, seconds }: Omit<TrialLimits, 'signal'>): string[] {
  const count = ['--seed', `${seed}`, '--seeds', `${scenarios}`]
  return Number.isFinite(seconds) ? [...count, '--minutes', `${seconds / 60}`] : count
}

async function simulate(directory: string, args: readonly string[], signal: AbortSignal): Promise<string> {
  const main = path.join(directory, 'src/sim/main.ts')
  const child = spawn(process.execPath, [main, ...args], { stdio: ['ignore', 'pipe', 'inherit'], signal })
  const failed = new Promise<never>((_resolve, reject) => child.once('error', reject))
  return Promise.race([text(child.stdout), failed])
}
