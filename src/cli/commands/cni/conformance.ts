import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { type Command, InvalidArgumentError } from 'commander'
import { PodlaceError, systemClock } from '../../../base/index.ts'
import type { CaseReport, ConformanceCase, PluginSet, SuiteReport } from '../../../conformance/index.ts'
import type { CliContext } from '../../context.ts'
import { ExitWith } from '../../exit.ts'
import { formatDuration } from '../../ui/format.ts'
import { choosePalette, type Palette } from '../../ui/palette.ts'
import { renderTable } from '../../ui/table.ts'

interface ConformanceFlags {
  readonly bin: string
  readonly podlace?: boolean
  readonly daemon?: string
  readonly daemonReady?: string
  readonly env: ReadonlyMap<string, string>
  readonly only?: RegExp
  readonly list?: boolean
  readonly json?: boolean
  readonly junit?: string
}

/** Generous: some plugins wait for a port to come up, and the machine may be busy. */
const CALL_TIMEOUT_MS = 20_000

const HELP = `
Each plugin is executed as a runtime does it, on fake hosts: namespaces with private state folders, so that nothing
of this machine is touched. What the kernel holds afterwards is read with ip, bridge, tc and nft. Needs root.

In --daemon, --daemon-ready and the values of --env, {dir} stands for a private folder of each fake host.

Examples:
  podlace cni conformance --bin /usr/lib/cni
  podlace cni conformance --podlace
  podlace cni conformance --bin /usr/lib/cni --only '^host-local' --junit report.xml
  podlace cni conformance --list`

export function addConformanceCommand(cni: Command, context: CliContext): void {
  cni
    .command('conformance')
    .description('hold a folder of plugins, of any make, against the specification and its own documentation')
    .option('--bin <folder>', 'the plugins', '/opt/cni/bin')
    .option('--podlace', "this program's own plugins and agent, instead of --bin, --daemon and --env")
    .option('--daemon <command>', 'start it on each fake host before the plugins are called')
    .option('--daemon-ready <command>', 'succeeds as soon as the daemon can be used')
    .option('--env <name=value>', 'a variable for each call of a plugin; repeatable', addVariable, new Map())
    .option('--only <pattern>', 'a regular expression on the ids of the cases', pattern)
    .option('--list', 'print the cases and run none')
    .option('--json', 'print the report as one JSON value')
    .option('--junit <file>', 'write the report as JUnit XML, too')
    .addHelpText('after', HELP)
    .action((flags: ConformanceFlags) => conformance(context, flags))
}

async function conformance(context: CliContext, flags: ConformanceFlags): Promise<void> {
  if (flags.podlace !== true) return measure(context, flags, await foreignPlugins(flags))
  const { podlacePlugins } = await import('../../../conformance/index.ts')
  const { packageRoot } = await import('../../../lab/index.ts')
  const directory = mkdtempSync(join(tmpdir(), 'podlace-plugins-'))
  try {
    const plugins = podlacePlugins({ packageRoot: packageRoot(), nodeBinary: process.execPath, directory })
    await measure(context, flags, plugins)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

async function foreignPlugins({ bin, daemon, daemonReady, env }: ConformanceFlags): Promise<PluginSet> {
  const { listPlugins } = await import('../../../conformance/index.ts')
  const directory = resolve(bin)
  const ready = daemonReady === undefined ? {} : { ready: daemonReady }
  const types = listPlugins(directory)
  return { directory, types, env, ...(daemon === undefined ? {} : { daemon: { command: daemon, ...ready } }) }
}

async function measure(context: CliContext, flags: ConformanceFlags, plugins: PluginSet): Promise<void> {
  const { allCases, toJson, toJunit } = await import('../../../conformance/index.ts')
  const cases = allCases(plugins.types).filter(({ id }) => flags.only?.test(id) ?? true)
  if (flags.list === true) return list(context, flags, cases)
  const startMs = systemClock.nowMs()
  const report = await run(context, flags, plugins, cases)
  if (flags.junit !== undefined) writeFileSync(flags.junit, toJunit(report))
  if (flags.json === true) context.stdout.write(`${JSON.stringify(toJson(report))}\n`)
  else await printReport(context, report, systemClock.nowMs() - startMs)
  if (report.total.failed > 0) throw new ExitWith(1)
}

async function run(
  context: CliContext,
  flags: ConformanceFlags,
  plugins: PluginSet,
  cases: readonly ConformanceCase[],
): Promise<SuiteReport> {
  const { checkRoot } = await import('../../../lab/index.ts')
  const { failureLines, runSuite } = await import('../../../conformance/index.ts')
  checkRoot(context.uid)
  const told = new Set<string>()
  const tell = (report: CaseReport) => {
    if (flags.json === true || report.status !== 'failed' || told.has(report.id)) return
    told.add(report.id)
    const palette = choosePalette(context.stdout.isTerminal, context.env)
    const [first = '', ...rest] = failureLines(report)
    context.stdout.write(`${[`${palette.bad('✘')} ${first}`, ...rest].join('\n')}\n`)
  }
  const report = await runSuite({
    plugins,
    cases,
    lanes: availableParallelism(),
    callTimeoutMs: CALL_TIMEOUT_MS,
    clock: systemClock,
    signal: context.signal,
    onCase: tell,
  })
  // A score of half the cases would be taken for the score.
  if (context.signal.aborted)
    throw new PodlaceError('conformance', 'interrupted before all cases were run: there is no score', {
      code: 'conformance.interrupted',
    })
  // Some passes turn out to be hollow only when all is known.
  report.cases.forEach(tell)
  return report
}

async function printReport(context: CliContext, report: SuiteReport, elapsedMs: number): Promise<void> {
  const { notRunReasons, scoreOf, tableOf } = await import('../../../conformance/index.ts')
  const palette = choosePalette(context.stdout.isTerminal, context.env)
  const lines = [
    '',
    ...renderTable(tableOf(report)),
    ...notRunLines(palette, 'NOT RUNNABLE HERE, and so not counted', notRunReasons(report, 'not-runnable')),
    ...notRunLines(palette, 'Not applicable, and so not counted', notRunReasons(report, 'not-applicable')),
    '',
    `${palette.bold(scoreOf(report))} in ${formatDuration(elapsedMs)}`,
  ]
  context.stdout.write(`${lines.join('\n')}\n`)
}

function notRunLines(palette: Palette, heading: string, reasons: readonly string[]): string[] {
  return reasons.length === 0 ? [] : ['', palette.warn(heading), ...reasons.map(reason => `  ${reason}`)]
}

function list(context: CliContext, flags: ConformanceFlags, cases: readonly ConformanceCase[]): void {
  const shown = cases.map(({ id, title, source, needs }) => ({ id, title, source, needs }))
  const text =
    flags.json === true
      ? JSON.stringify(shown)
      : shown.flatMap(({ id, title, source }) => [`${id}`, `  ${title}`, `  ${source}`]).join('\n')
  context.stdout.write(`${text}\n`)
}

function addVariable(text: string, known: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  const [, name, value] = /^([A-Za-z_]\w*)=([^]*)$/.exec(text) ?? []
  if (name === undefined || value === undefined) throw new InvalidArgumentError('Expected NAME=VALUE.')
  return new Map([...known, [name, value]])
}

function pattern(text: string): RegExp {
  try {
    return new RegExp(text)
  } catch {
    throw new InvalidArgumentError('Expected a regular expression, such as ^bridge or macvlan|ipvlan.')
  }
}
