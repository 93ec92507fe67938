import { type Command, Option } from 'commander'
import type { LabBackend, LabRuntime } from '../../../lab/index.ts'
import type { CliContext } from '../../context.ts'
import { labEnvironment, progressOf } from '../../lab-environment.ts'
import { wholeNumber } from '../../options.ts'
import { type LabFlags, onLab, printResult } from './common.ts'
import { statusLines } from './status.ts'

interface UpFlags extends LabFlags {
  readonly nodes: number
  readonly backend: LabBackend
  readonly podsPerNode: number
  readonly runtime: LabRuntime
  readonly segments: number
  readonly network: string
  readonly directRouting: boolean
}

const HELP = `
A lab of this name that is there already is left as it is: the command says so and exits with 1, like mkdir.
Whatever fails, and on Ctrl-C, all that was made is removed again.

Examples:
  podlace lab up
  podlace lab up --name routed --nodes 4 --segments 2     two layer-2 networks joined by a router
  podlace lab up --nodes 4 --segments 2 --direct-routing  encapsulate only what crosses the router
  podlace lab up --runtime containerd                     pods are containers, run by a containerd on each node
  podlace lab up --backend host-gw -o json`

export function addUpCommand(lab: Command, context: CliContext): void {
  const backend = new Option('--backend <type>', 'how nodes reach each other').choices([
    'vxlan',
    'host-gw',
    'udp',
    'ipip',
    'wireguard',
  ])
  const runtime = new Option('--runtime <type>', 'who runs the pods').choices(['namespace', 'containerd'])
  onLab(lab.command('up'))
    .description('make a lab')
    .option('--nodes <n>', 'how many nodes', wholeNumber(1, 200), 3)
    .addOption(backend.default('vxlan'))
    .option('--pods-per-node <n>', 'how many pods to start on each', wholeNumber(0, 250), 2)
    .addOption(runtime.default('namespace'))
    .option('--segments <n>', 'layer-2 networks between the nodes', wholeNumber(1, 2), 1)
    .option('--network <cidr>', 'addresses of the pods; each node gets a /24', '10.244.0.0/16')
    .option('--direct-routing', 'vxlan: route without encapsulation within a segment', false)
    .addHelpText('after', HELP)
    .action((flags: UpFlags) => up(context, flags))
}

async function up(context: CliContext, { output, ...flags }: UpFlags): Promise<void> {
  const progress = progressOf(context)
  const show = output === 'text'
  const environment = await labEnvironment(context, text => show && progress.activity(text))
  const { checkSettings, labStatus, labUp } = await import('../../../lab/index.ts')
  const settings = checkSettings(flags)
  if (show) progress.start(`lab ${settings.name}`)
  try {
    const lab = await labUp(environment, settings)
    const headline = `lab ${settings.name}: ${settings.nodes} nodes, ${lab.state.pods.length} pods, ${settings.backend}`
    if (show) progress.end({ ok: true, headline })
    const status = await labStatus(lab)
    printResult(context, { output }, status, () => statusLines(status))
  } finally {
    progress.clear()
  }
}
