import { errorText } from '../../base/index.ts'
import { labDown } from '../down.ts'
import { listLabs } from '../state.ts'
import { bringUp } from './bring-up.ts'
import { deletedEntries } from './deleted-entries.ts'
import { killedAgent } from './killed-agent.ts'
import { packetPath } from './packet-path.ts'
import { podNetwork } from './pod-network.ts'
import { reachability } from './reachability.ts'
import { returningNode } from './returning-node.ts'
import type { DemoContext, DemoOptions, DemoStep, StepOutcome } from './step.ts'
import { throughput } from './throughput.ts'

export type { DemoOptions } from './step.ts'

/** Shows the steps; the demo knows no terminal. */
export interface DemoReporter {
  start(title: string): void
  activity(text: string): void
  /** Returns the step's duration in milliseconds. */
  end(outcome: StepOutcome): number
  /** A step that does not apply: nothing is shown of it. */
  skip(): void
}

export interface StepReport extends StepOutcome {
  readonly name: string
  readonly tookMs: number
}

const STEPS: readonly DemoStep[] = [
  bringUp,
  podNetwork,
  reachability,
  packetPath,
  throughput,
  killedAgent,
  deletedEntries,
  returningNode,
]

/**
 * The whole story on one lab, which is removed at the end whatever happens (unless `keep`, and nothing failed to be
 * built). True if every check held.
 */
export async function runDemo(
  environment: DemoContext['environment'],
  options: DemoOptions,
  reporter: DemoReporter,
): Promise<readonly StepReport[]> {
  const told = { ...environment, progress: (text: string) => reporter.activity(text) }
  const context: DemoContext = { environment: told, options, lab: undefined }
  const reports: StepReport[] = []
  try {
    for (const step of STEPS) {
      const report = await runStep(step, context, reporter)
      if (report !== undefined) reports.push(report)
      // Without a lab, or when the user wants to stop, the other steps have nothing to do.
      if (context.lab === undefined || environment.signal.aborted) break
    }
  } finally {
    if (!options.keep || environment.signal.aborted) {
      const report = await cleanUp(context, reporter)
      if (report !== undefined) reports.push(report)
    }
  }
  return reports
}

async function runStep(
  step: DemoStep,
  context: DemoContext,
  reporter: DemoReporter,
): Promise<StepReport | undefined> {
  reporter.start(step.title)
  let outcome: StepOutcome | undefined
  try {
    outcome = await step.run(context)
  } catch (error) {
    const what = context.environment.signal.aborted ? 'interrupted' : errorText(error)
    outcome = { ok: false, headline: step.title, details: what.split('\n') }
  }
  if (outcome === undefined) {
    reporter.skip()
    return undefined
  }
  return { name: step.name, ...outcome, tookMs: reporter.end(outcome) }
}

/** Removes what the demo made; a lab of the same name that was there before is not ours to remove. */
function cleanUp(context: DemoContext, reporter: DemoReporter): Promise<StepReport | undefined> {
  const { environment, options, lab } = context
  if (lab === undefined) return Promise.resolve(undefined)
  const step: DemoStep = {
    name: 'clean-up',
    title: 'removing everything',
    async run() {
      // Its own signal: this part is not to be interrupted.
      await labDown({ ...environment, signal: new AbortController().signal }, options.name)
      const ok = !listLabs(environment.root).includes(options.name)
      return { ok, headline: 'everything that was made is removed' }
    },
  }
  return runStep(step, context, reporter)
}
