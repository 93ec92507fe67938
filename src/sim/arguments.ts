import { parseArgs } from 'node:util'

export const USAGE = `npm run sim -- [options]

Plays scenarios of trouble with real agents and controllers in a simulated cluster, and holds every one of them
against the invariants of the design. docs/simulation.md tells more.

  --seeds N      so many scenarios (default: as many as the time allows)
  --minutes M    for so long at most (default 1, or without end if --seeds is given)
  --seed S       the first scenario's seed (default: a fresh one, which is printed); one seed is one scenario
  --replay FILE  plays one scenario from a file, such as src/sim/regressions/x.json, and prints its trace
  --guard NAME   the same without one guard of the product, in a copy: it must be caught
  --guards       every guard in turn; prints the table of docs/simulation.md
  --trace N      lines of the trace to print with a failure (default 40)
  --json         the last line is one JSON object
  --help         this text
`

export interface Arguments {
  readonly mode: 'explore' | 'replay' | 'guard' | 'guards' | 'help'
  readonly seeds: number
  readonly seconds: number
  readonly seed: number | undefined
  /** The file, or the guard. */
  readonly name: string
  readonly traceLines: number
  readonly json: boolean
}

const OPTIONS = {
  seeds: { type: 'string' },
  minutes: { type: 'string' },
  seed: { type: 'string' },
  replay: { type: 'string' },
  guard: { type: 'string' },
  guards: { type: 'boolean' },
  trace: { type: 'string' },
  json: { type: 'boolean' },
  help: { type: 'boolean' },
} as const

/** Throws an error whose message says which argument is wrong. */
export function readArguments(argv: readonly string[]): Arguments {
  const { values } = parseArgs({ args: [...argv], options: OPTIONS, strict: true, allowPositionals: false })
  const seeds = numberOf('seeds', values.seeds, 1) ?? Number.POSITIVE_INFINITY
  const minutes =
    numberOf('minutes', values.minutes, 0) ?? (values.seeds === undefined ? 1 : Number.POSITIVE_INFINITY)
  const mode = modeOf(values)
  return {
    mode,
    seeds,
    seconds: minutes * 60,
    seed: numberOf('seed', values.seed, 0),
    name: values.replay ?? values.guard ?? '',
    traceLines: numberOf('trace', values.trace, 0) ?? 40,
    json: values.json === true,
  }
}

function modeOf(values: {
  readonly help?: boolean
  readonly guards?: boolean
  readonly guard?: string
  readonly replay?: string
}): Arguments['mode'] {
  if (values.help === true) return 'help'
  const chosen = [values.guards, values.guard, values.replay].filter(value => value !== undefined)
  if (chosen.length > 1) throw new Error('--replay, --guard and --guards exclude one another')
  if (values.guards === true) return 'guards'
  if (values.guard !== undefined) return 'guard'
  return values.replay === undefined ? 'explore' : 'replay'
}

function numberOf(name: string, text: string | undefined, least: number): number | undefined {
  if (text === undefined) return undefined
  const value = Number(text)
  const isWhole = name === 'minutes' || Number.isSafeInteger(value)
  if (text.trim() !== '' && Number.isFinite(value) && isWhole && value >= least) return value
  throw new Error(
    `--${name} wants a ${name === 'minutes' ? '' : 'whole '}number of at least ${least}, not "${text}"`,
  )
}
