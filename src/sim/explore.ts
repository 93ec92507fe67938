import { seededRandom } from './random.ts'
import { type Failure, type Run, runScenario } from './run-scenario.ts'
import { drawScenario, type Scenario } from './scenario.ts'

/** A scenario that broke an invariant. */
export interface Finding {
  readonly scenario: Scenario
  readonly failure: Failure
  readonly run: Run
}

export interface Explored {
  readonly scenarios: number
  readonly events: number
  /** Real time. */
  readonly seconds: number
  /** Of one core, which on a busy machine tells more. */
  readonly cpuSeconds: number
  readonly finding: Finding | undefined
}

export interface ExploreOptions {
  /** Of the first scenario; the next one's is one more. */
  readonly seed: number
  readonly scenarios: number
  readonly seconds: number
  /** Monotonic, real, in milliseconds. */
  readonly nowMs: () => number
  /** CPU time of this process, in milliseconds. */
  readonly cpuMs: () => number
}

/** Runs scenario after scenario until one fails, or so many have passed, or the time is up. */
export async function explore(options: ExploreOptions): Promise<Explored> {
  const { seed, scenarios, seconds, nowMs, cpuMs } = options
  const startMs = nowMs()
  const startCpuMs = cpuMs()
  const elapsed = () => (nowMs() - startMs) / 1000
  let done = 0
  let events = 0
  let finding: Finding | undefined
  while (finding === undefined && done < scenarios && elapsed() < seconds) {
    const scenario = scenarioOf(seed + done)
    const run = await runScenario(scenario)
    done += 1
    events += run.events
    if (run.failure !== undefined) finding = { scenario, failure: run.failure, run }
  }
  const cpuSeconds = (cpuMs() - startCpuMs) / 1000
  return { scenarios: done, events, seconds: elapsed(), cpuSeconds, finding }
}

/** One seed is one scenario: its knobs, its commands, and the luck of everybody in it. */
export function scenarioOf(seed: number): Scenario {
  return drawScenario(seed, seededRandom(seed, 'scenario'))
}
