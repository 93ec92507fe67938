import { errorText } from '../base/index.ts'
import { carryOut } from './commands.ts'
import { INVARIANTS, type Invariant, type Watcher } from './invariants/index.ts'
import { type Command, type Scenario, TROUBLE_MS } from './scenario.ts'
import { Strays } from './strays.ts'
import { World } from './world/world.ts'

/** What came of a scenario. */
export interface Run {
  readonly failure: Failure | undefined
  readonly events: number
  /** Equal for equal runs. */
  readonly hash: string
  readonly virtualMs: number
  readonly trace: (lines: number) => readonly string[]
}

export interface Failure {
  /** `I3`, or `defect` for an error that nobody expected. */
  readonly invariant: string
  readonly words: string
  /** What was found. */
  readonly found: string
  readonly atMs: number
}

/** A run that does more than this is a livelock. */
const MAX_EVENTS = 200_000
/** From the first command to the last, and this long afterwards, faults go on. */
const SETTLE_MS = 10_000
/** T: so long after healing everything must be as it should, virtual milliseconds. */
const HEALING_MS = 180_000
const PROBE_MS = 5_000

class Violation extends Error {
  readonly failure: Omit<Failure, 'atMs'>

  constructor(failure: Omit<Failure, 'atMs'>) {
    super(failure.found)
    this.failure = failure
  }
}

export interface RunOptions {
  /** Virtual time at which it is given up without a verdict, for whoever knows when the failure must come. */
  readonly lastMs?: number
}

/** Plays a scenario: trouble first, with the safety invariants; then all is healed, and liveness is demanded. */
export async function runScenario(scenario: Scenario, options: RunOptions = {}): Promise<Run> {
  const world = new World(scenario.seed, scenario.knobs)
  const { scheduler } = world
  const strays = new Strays()
  let failure: Failure | undefined
  try {
    await play(world, scenario.commands, new Watch(world, strays), options.lastMs ?? Number.POSITIVE_INFINITY)
  } catch (error) {
    failure = { ...failureOf(error), atMs: scheduler.nowMs }
  } finally {
    strays.stop()
  }
  return {
    failure,
    events: scheduler.events,
    hash: scheduler.trace.hash,
    virtualMs: scheduler.nowMs,
    trace: lines => scheduler.trace.last(lines),
  }
}

async function play(world: World, commands: readonly Command[], watch: Watch, lastMs: number): Promise<void> {
  const { scheduler } = world
  const runFor = async (ms: number) => {
    const untilMs = Math.min(scheduler.nowMs + ms, lastMs)
    await scheduler.run({ untilMs, until: () => watch.always(), maxEvents: MAX_EVENTS })
    return scheduler.nowMs < lastMs
  }
  await world.begin()
  for (const command of commands) {
    const [atMs, ...what] = command
    scheduler.after(atMs, `command: ${what.join(' ')}`, () => carryOut(world, command))
  }
  if (!(await runFor(TROUBLE_MS + SETTLE_MS))) return
  world.heal()
  if (!(await runFor(HEALING_MS))) return
  watch.atRest()
  world.addLastPods()
  world.collectGarbage()
  await runFor(PROBE_MS)
  watch.atRest()
  for (const probe of watch.probes()) {
    probe.begin()
    await runFor(PROBE_MS)
    probe.end()
  }
}

/** All invariants of one world; what is wrong it throws. */
class Watch {
  private readonly watched: readonly (Invariant & { readonly watcher: Watcher })[]
  private readonly world: World
  private readonly strays: Strays
  private looked = -1

  constructor(world: World, strays: Strays) {
    this.world = world
    this.strays = strays
    this.watched = INVARIANTS.map(invariant => ({ ...invariant, watcher: invariant.watch(world) }))
  }

  /** Asked after every event; false, since nothing ends a run but its time. */
  always(): false {
    this.strays.throwAny()
    if (this.world.version !== this.looked) this.ask(watcher => watcher.always?.())
    this.looked = this.world.version
    return false
  }

  atRest(): void {
    this.ask(watcher => watcher.atRest?.())
  }

  *probes(): Iterable<{ begin(): void; end(): void }> {
    for (const one of this.watched) {
      const { watcher } = one
      if (watcher.probe === undefined) continue
      yield { begin: () => watcher.probe?.(), end: () => this.judge(one, watcher.verdict?.()) }
    }
  }

  private ask(question: (watcher: Watcher) => string | undefined): void {
    for (const one of this.watched) this.judge(one, question(one.watcher))
  }

  private judge({ name, words }: Invariant, found: string | undefined): void {
    if (found !== undefined) throw new Violation({ invariant: name, words, found })
  }
}

function failureOf(error: unknown): Omit<Failure, 'atMs'> {
  if (error instanceof Violation) return error.failure
  const found = error instanceof Error ? (error.stack ?? error.message) : errorText(error)
  return { invariant: 'defect', words: 'nothing fails that nobody expects to fail', found }
}
