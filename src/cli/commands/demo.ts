import { type Command, Option } from 'commander'
import type { DemoReporter, LabBackend } from '../../lab/index.ts'
import type { CliContext } from '../context.ts'
import { ExitWith } from '../exit.ts'
import { labEnvironment, progressOf } from '../lab-environment.ts'
import { withOutput } from '../options.ts'
import { formatDuration } from '../ui/format.ts'
import { choosePalette } from '../ui/palette.ts'
import type { Progress } from '../ui/progress.ts'

interface DemoFlags {
  readonly backend: LabBackend
  readonly keep?: boolean
  readonly name: string
  readonly output: 'text' | 'json'
}

const HELP = `
Builds a cluster of three nodes on this machine, shows that it works and how fast, breaks it in several ways, and
removes it again, also on Ctrl-C. The exit status is 0 if every check held. Needs root.

Examples:
  podlace demo
  podlace demo --backend host-gw
  podlace demo --keep              and then: podlace lab status --name demo`

export function addDemoCommand(program: Command, context: CliContext): void {
  const backend = new Option('--backend <type>', 'how nodes reach each other').choices([
    'vxlan',
    'host-gw',
    'udp',
    'ipip',
    'wireguard',
  ])
  withOutput(program.command('demo'))
    .description('a pod network across three nodes, on this machine, step by step')
    .addOption(backend.default('vxlan'))
    .option('--keep', 'leave the lab up')
    .option('--name <lab>', 'name of the lab', 'demo')
    .addHelpText('after', HELP)
    .action((flags: DemoFlags) => demo(context, flags))
}

async function demo(context: CliContext, flags: DemoFlags): Promise<void> {
  const environment = await labEnvironment(context)
  const { checkName, runDemo } = await import('../../lab/index.ts')
  const progress = progressOf(context)
  const startMs = environment.clock.nowMs()
  const reporter = flags.output === 'text' ? textReporter(progress) : silentReporter(environment.clock.nowMs)
  const keep = flags.keep ?? false
  const options = { backend: flags.backend, keep, name: checkName(flags.name) }
  const steps = await runDemo(environment, options, reporter)
  const failed = steps.filter(step => !step.ok)
  const ok = failed.length === 0
  if (flags.output === 'json') context.stdout.write(`${JSON.stringify({ ok, steps })}\n`)
  else {
    const palette = choosePalette(context.stdout.isTerminal, context.env)
    const took = formatDuration(environment.clock.nowMs() - startMs)
    const verdict = context.signal.aborted
      ? palette.bad('interrupted')
      : ok
        ? palette.good(`all ${steps.length} checks held`)
        : palette.bad(`${failed.length} of ${steps.length} checks failed`)
    const kept = keep && steps.length > 1 ? keptLines(options.name) : []
    progress.print(['', `${palette.bold(verdict)} in ${took}`, ...kept])
  }
  if (!ok) throw new ExitWith(1)
}

function textReporter(progress: Progress): DemoReporter {
  return {
    start: title => progress.start(title),
    activity: text => progress.activity(text),
    end: outcome => progress.end(outcome),
    skip: () => progress.clear(),
  }
}

function silentReporter(nowMs: () => number): DemoReporter {
  let startMs = nowMs()
  return {
    start() {
      startMs = nowMs()
    },
    activity: () => undefined,
    end: () => nowMs() - startMs,
    skip: () => undefined,
  }
}

/** How to go on with a lab that was kept. */
function keptLines(name: string): string[] {
  return [
    '',
    'The lab is still up:',
    `  podlace lab status --name ${name}`,
    `  podlace lab exec web-1 --name ${name} -- ip route`,
    `  podlace lab check --name ${name}`,
    `  podlace lab fault delete-route node-1 --name ${name}`,
    `  podlace lab down --name ${name}`,
  ]
}
