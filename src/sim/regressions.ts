import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import type { Failure } from './run-scenario.ts'
import { type Command, isCommandName, type Scenario } from './scenario.ts'

/** A failure of the past, and the smallest scenario that showed it. */
export interface Regression {
  readonly found: { readonly commit: string; readonly invariant: string; readonly words: string }
  readonly scenario: Scenario
}

/** Writes it beside the others and returns the file's path. */
export function saveRegression(
  directory: string,
  scenario: Scenario,
  failure: Failure,
  commit: string,
): string {
  const { invariant, words } = failure
  const file = path.join(directory, `${invariant.toLowerCase()}-seed-${scenario.seed}.json`)
  mkdirSync(directory, { recursive: true })
  const regression: Regression = { found: { commit, invariant, words }, scenario }
  writeFileSync(file, `${JSON.stringify(regression, undefined, 2)}\n`)
  return file
}

export function listRegressions(directory: string): string[] {
  return readdirSync(directory)
    .filter(name => name.endsWith('.json'))
    .sort()
    .map(name => path.join(directory, name))
}

/** Throws in words if a command in it is none any more. */
export function readRegression(file: string): Regression {
  const regression = JSON.parse(readFileSync(file, 'utf8')) as Regression
  for (const command of regression.scenario.commands) checkCommand(file, command)
  return regression
}

function checkCommand(file: string, [, name]: Command): void {
  if (!isCommandName(name)) throw new Error(`${file}: there is no command "${String(name)}" any more`)
}
