import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Clock, errorText, hasCode } from '../base/index.ts'
import { onPath } from '../lab/index.ts'
import type { ConformanceCase } from './case.ts'
import { depart } from './departure.ts'
import { setupError } from './errors.ts'
import { FakeHost } from './fake-host.ts'
import { withoutHollowPasses } from './hollow-passes.ts'
import { missingFeatures } from './kernel-features.ts'
import { type Baseline, takeBaseline } from './leftovers.ts'
import { type Facts, titleOf, unmetNeeds } from './needs.ts'
import type { PluginSet } from './plugin-set.ts'
import { type CaseReport, type SuiteReport, summarize } from './report.ts'
import { announcedVersions, commonVersion, newest } from './versions.ts'
import { World } from './world.ts'

export interface SuiteOptions {
  readonly plugins: PluginSet
  readonly cases: readonly ConformanceCase[]
  /** How many cases run at once, each on a fake host of its own. */
  readonly lanes: number
  /** How long a plugin may take for one call, in milliseconds; then it is killed. */
  readonly callTimeoutMs: number
  readonly clock: Clock
  readonly signal: AbortSignal
  /** Told of each case as it ends. */
  readonly onCase: (report: CaseReport) => void
}

interface Run {
  readonly report: CaseReport
  /** Types of plugins whose ADD succeeded in the case. */
  readonly worked: ReadonlySet<string>
  /** The next case can have the host. */
  readonly reusable: boolean
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
  checkTools()
  const directory = mkdtempSync(join(tmpdir(), 'podlace-conformance-'))
  // A daemon may run as any user; whoever does not know the name finds nothing.
  chmodSync(directory, 0o711)
  try {
    return await new Suite(options, directory).run()
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

/** What the suite makes its hosts with and looks at the kernel with. */
const TOOLS = ['bridge', 'ip', 'mount', 'nft', 'nsenter', 'tc', 'tee', 'unshare'] as const

/** @throws `conformance.setup` naming all that are missing */
function checkTools(): void {
  const missing = TOOLS.filter(tool => !onPath(tool, process.env['PATH'] ?? ''))
  if (missing.length === 0) return
  const message = `the suite needs ${missing.join(', ')}: \`apt-get install iproute2 nftables util-linux\``
  throw setupError('find the tools', message)
}

class Suite {
  private readonly options: SuiteOptions
  private readonly directory: string
  private readonly reports = new Map<string, CaseReport>()
  private readonly worked = new Map<string, ReadonlySet<string>>()
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
      const report = unmetNeeds(one, facts, this.options.plugins)
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
          const { report, worked, reusable } = await this.runCase(one, facts, tenancy)
          this.reports.set(one.id, report)
          this.worked.set(one.id, worked)
          onCase(report)
          if (!reusable) tenancy = leave(tenancy)
        }
      } finally {
        leave(tenancy)
      }
    }
    await settleAll(Array.from({ length: this.options.lanes }, lane))
    const reports = cases.flatMap(({ id }) => this.reports.get(id) ?? [])
    return summarize(withoutHollowPasses(reports, this.worked))
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
    const { callTimeoutMs } = this.options
    return new World({ host, version, name: `c${this.worlds}`, callTimeoutMs })
  }

  private async runCase(one: ConformanceCase, facts: Facts, { host, baseline }: Tenancy): Promise<Run> {
    const { clock } = this.options
    const startMs = clock.nowMs()
    const world = this.world(host, commonVersion(one.needs.plugins, facts.versions))
    const reasons: string[] = []
    try {
      await one.run(world)
    } catch (error) {
      reasons.push(hasCode(error, 'conformance') ? error.message : `the case broke off: ${errorText(error)}`)
    }
    const { faults, reusable } = await depart(world, baseline, facts.versions)
    // What a case that failed left half done is no news.
    if (reasons.length === 0) reasons.push(...faults)
    const status = reasons.length === 0 ? 'passed' : 'failed'
    const report: CaseReport = { ...titleOf(one), status, reasons, elapsedMs: clock.nowMs() - startMs }
    return { report, worked: world.worked, reusable: reusable && status === 'passed' }
  }
}

function leave(tenancy: Tenancy | undefined): undefined {
  tenancy?.host.destroy()
}

/** Waits for all, also after a failure; then throws the first one. */
async function settleAll(promises: readonly Promise<void>[]): Promise<void> {
  const outcomes = await Promise.allSettled(promises)
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
}
