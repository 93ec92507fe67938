import type { Lab, LabEnvironment } from '../lab.ts'
import type { LabBackend } from '../settings.ts'

export interface DemoOptions {
  readonly backend: LabBackend
  /** Leave the lab up at the end. */
  readonly keep: boolean
  readonly name: string
}

/** What the steps share; `lab` is there once the first step has made it. */
export interface DemoContext {
  readonly environment: LabEnvironment
  readonly options: DemoOptions
  lab: Lab | undefined
}

/** How a step went, as it is shown. `ok` false: a check did not hold. */
export interface StepOutcome {
  readonly ok: boolean
  readonly headline: string
  /** Short, for the right edge: `p50 0.06 ms`. */
  readonly figures?: string
  readonly details?: readonly string[]
}

export interface DemoStep {
  /** Stable, for `-o json`. */
  readonly name: string
  /** Shown while it runs, and if it throws. */
  readonly title: string
  /** Undefined: the step has nothing to do with this backend. */
  run(context: DemoContext): Promise<StepOutcome | undefined>
}

/** The lab that the first step made. */
export function labOf(context: DemoContext): Lab {
  if (context.lab === undefined) throw new Error('the lab is not up')
  return context.lab
}
