import type { Command } from 'commander'
import type { CliContext } from '../../context.ts'
import { labEnvironment } from '../../lab-environment.ts'
import { type LabFlags, onLab, printResult } from './common.ts'

interface KillFlags extends LabFlags {
  readonly restart: boolean
}
interface PartitionFlags extends LabFlags {
  readonly heal?: boolean
}

const HELP = `
Examples:
  podlace lab fault kill-agent node-2         SIGKILL, then a new agent
  podlace lab fault delete-route node-1       one of Podlace's routes; how long until it is back?
  podlace lab fault partition node-3          cut off without a trace; --heal ends it`

/** `lab fault ...`: what can go wrong, on command. */
export function addFaultCommands(lab: Command, context: CliContext): void {
  const fault = lab.command('fault').description('break something and see it heal').addHelpText('after', HELP)
  addKillAgent(fault, context)
  addDelete(fault, context, 'route')
  addDelete(fault, context, 'fdb')
  addPartition(fault, context)
}

function addKillAgent(fault: Command, context: CliContext): void {
  onLab(fault.command('kill-agent'))
    .description("kill a node's agent with SIGKILL and start a new one")
    .argument('<node>', 'whose')
    .option('--no-restart', 'leave the node without an agent; the same command without this starts one')
    .action(async (name: string, flags: KillFlags) => {
      const environment = await labEnvironment(context)
      const { checkName, labKillAgent } = await import('../../../lab/index.ts')
      const report = await labKillAgent(environment, checkName(flags.name), name, flags)
      printResult(context, flags, report, () => [
        report.readyAfterMs === undefined
          ? `the agent of ${name} is dead; the data path stays`
          : `the agent of ${name} was killed; a new one was ready after ${Math.round(report.readyAfterMs)} ms and wrote ${report.writes ?? 'an unknown number of'} changes`,
      ])
    })
}

function addDelete(fault: Command, context: CliContext, kind: 'route' | 'fdb'): void {
  const what = kind === 'route' ? 'route to another node' : 'vxlan forwarding entry'
  onLab(fault.command(`delete-${kind}`))
    .description(`delete a ${what} by hand and time its return`)
    .argument('<node>', 'where')
    .action(async (name: string, flags: LabFlags) => {
      const environment = await labEnvironment(context)
      const { checkName, Lab, deleteAndWatch } = await import('../../../lab/index.ts')
      const opened = Lab.open(environment, checkName(flags.name))
      const report = await deleteAndWatch(opened, opened.node(name), kind)
      printResult(context, flags, report, () => [
        `${report.what} was deleted; back after ${report.backAfterMs.toFixed(1)} ms`,
      ])
    })
}

function addPartition(fault: Command, context: CliContext): void {
  onLab(fault.command('partition'))
    .description('cut a node off from the underlay; its interfaces stay up')
    .argument('<node>', 'which')
    .option('--heal', 'join it again')
    .action(async (name: string, flags: PartitionFlags) => {
      const environment = await labEnvironment(context)
      const { checkName, Lab, partitionNode } = await import('../../../lab/index.ts')
      const opened = Lab.open(environment, checkName(flags.name))
      const cut = flags.heal !== true
      await partitionNode(opened, opened.node(name), cut)
      const text = cut ? `${name} is cut off; --heal joins it again` : `${name} is joined again`
      printResult(context, flags, { node: name, cut }, () => [text])
    })
}
