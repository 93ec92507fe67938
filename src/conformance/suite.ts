import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Clock, errorText, hasCode } from '../base/index.ts'
import type { ConformanceCase } from './case.ts'
import { eventually } from './expect.ts'
import { FakeHost } from './fake-host.ts'
import { type KernelFeature, missingFeatures } from './kernel-features.ts'
import { type Baseline, findInsidePods, findLeftovers, takeBaseline } from './leftovers.ts'
import type { PluginSet } from './plugin-set.ts'
import { type CaseReport, type SuiteReport, summarize } from './report.ts'
import { announcedVersions, commonVersion, newest } from './versions.ts'
import { World } from './world.ts'

export interface SuiteOptions {
  readonly plugins: PluginSet
  readonly cases: readonly ConformanceCase[]
  /** How many cases run at once, each on a fake host of its own. */
  readonly lanes: number
  readonly clock: Clock
  readonly signal: AbortSignal
  /** Told of each case as it ends. */
  readonly onCase: (report: CaseReport) => void
}

/** What was found out before the first case. */
interface Facts {
  readonly versions: ReadonlyMap<string, readonly string[]>
  readonly missing: ReadonlySet<KernelFeature>
}

interface Tenancy {
  readonly host: FakeHost
  readonly baseline: Baseline
}

/**
 * Runs cases against a folder of plugins. Touches nothing of the machine: plugins run on fake hosts, namespaces with
 * private state folders. Needs root.
 *
 * @throws `conformance.setup` if the suite cannot run at all
 */
export async function runSuite(options: SuiteOptions): Promise<SuiteReport> {
  const directory = mkdtempSync(join(tmpdir(), 'podlace-conformance-'))
  try {
    return await new Suite(options, directory).run()
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

class Suite {
  private readonly options: SuiteOptions
  private readonly directory: string
  private readonly reports = new Map<string, CaseReport>()
  private hosts = 0
  private worlds = 0

  constructor(options: SuiteOptions, directory: string) {
    this.options = options
    this.directory = directory
  }

  async run(): Promise<SuiteReport> {
    const { cases, signal, onCase } = this.options
    const facts = await this.findFacts()
    const runnable: ConformanceCase[] = []
    for (const one of cases) {
      const report = notRun(one, facts, this.options.plugins)
      if (report === undefined) runnable.push(one)
      else this.reports.set(one.id, report)
    }
    const queue = runnable.values()
    const lane = async () => {
      let tenancy: Tenancy | undefined
      try {
        for (const one of queue) {
          if (signal.aborted) return
          tenancy ??= await this.move()
          const report = await this.runCase(one, facts, tenancy)
          this.reports.set(one.id, report)
          onCase(report)
          if (report.status === 'failed') tenancy = leave(tenancy)
        }
      } finally {
        leave(tenancy)
      }
    }
    await settleAll(Array.from({ length: this.options.lanes }, lane))
    return summarize(cases.flatMap(({ id }) => this.reports.get(id) ?? []))
  }

  private async findFacts(): Promise<Facts> {
    const { host } = await this.move()
    try {
      const wanted = this.options.cases.flatMap(({ needs }) => needs.kernel ?? [])
      const world = this.world(host, newest)
      return {
        missing: await missingFeatures(host.network, wanted),
        versions: await announcedVersions(world, this.options.plugins.types),
      }
    } finally {
      host.destroy()
    }
  }

  /** A fresh fake host. */
  private async move(): Promise<Tenancy> {
    this.hosts += 1
    const { plugins, clock, signal } = this.options
    const directory = join(this.directory, `host-${this.hosts}`)
    const host = await FakeHost.create({ plugins, directory, clock, signal })
    return { host, baseline: await takeBaseline(host) }
  }

  private world(host: FakeHost, version: string): World {
    this.worlds += 1
    return new World({ host, version, name: `c${this.worlds}` })
  }

  private async runCase(
    one: ConformanceCase,
    facts: Facts,
    { host, baseline }: Tenancy,
  ): Promise<CaseReport> {
    const { clock } = this.options
    const startMs = clock.nowMs()
    const world = this.world(host, commonVersion(one.needs.plugins, facts.versions))
    const reasons: string[] = []
    try {
      await one.run(world)
    } catch (error) {
      reasons.push(hasCode(error, 'conformance') ? error.message : `the case broke off: ${errorText(error)}`)
    }
    const faults = await cleanUp(world, baseline)
    // What a case that failed left half done is no news.
    if (reasons.length === 0) reasons.push(...faults)
    const status = reasons.length === 0 ? 'passed' : 'failed'
    return { ...named(one), status, reasons, elapsedMs: clock.nowMs() - startMs }
  }
}

function named({ id, title, source }: ConformanceCase) {
  return { id, title, source }
}

/** The report of a case whose needs are not met. */
function notRun(one: ConformanceCase, facts: Facts, { types }: PluginSet): CaseReport | undefined {
  const { plugins, kernel = [], speaks } = one.needs
  const absent = plugins.filter(type => !types.includes(type))
  const report = (status: 'not-applicable' | 'not-runnable', reason: string): CaseReport => ({
    ...named(one),
    status,
    reasons: [reason],
    elapsedMs: 0,
  })
  if (absent.length > 0) return report('not-applicable', `there is no plugin ${absent.join(', ')}`)
  const silent = plugins.filter(
    type => speaks !== undefined && !(facts.versions.get(type) ?? []).includes(speaks),
  )
  if (silent.length > 0)
    return report('not-applicable', `${silent.join(', ')} does not announce CNI ${speaks ?? ''}`)
  const lacking = kernel.filter(feature => facts.missing.has(feature))
  if (lacking.length > 0) return report('not-runnable', `this kernel has no ${lacking.join(', ')}`)
  return undefined
}

/** Ends the case and says what of it should have gone and did not; what the network may keep is taken away. */
async function cleanUp(world: World, baseline: Baseline): Promise<string[]> {
  const { host } = world
  const faults = await world.tidy()
  const insidePods = await findInsidePods(world)
  for (const pod of world.pods) await pod.remove()
  let onHost: string[] = []
  await eventually(world.clock, async () => {
    onHost = await findLeftovers(world, baseline)
    return onHost.length === 0 || undefined
  })
  for (const bridge of readdirSync(host.file('/sys/class/net')).filter(name =>
    name.startsWith(world.bridgeName),
  ))
    await host.network.execute(['ip', 'link', 'delete', bridge])
  return [...faults, ...[...insidePods, ...onHost].map(line => `left after DEL: ${line}`)]
}

function leave(tenancy: Tenancy | undefined): undefined {
  tenancy?.host.destroy()
}

/** Waits for all, also after a failure; then throws the first one. */
async function settleAll(promises: readonly Promise<void>[]): Promise<void> {
  const outcomes = await Promise.allSettled(promises)
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
}
