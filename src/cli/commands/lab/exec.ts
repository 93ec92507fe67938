import type { Command } from 'commander'
import type { CliContext } from '../../context.ts'
import { ExitWith } from '../../exit.ts'
import { labEnvironment } from '../../lab-environment.ts'
import { type LabFlags, onLab } from './common.ts'

const HELP = `
The command's exit status is the exit status. In a pod it has the pod's network and its node's files; on a node
both are the node's. With -o json it has no terminal, and its output comes as one object.

Examples:
  podlace lab exec web-1 -- ip route
  podlace lab exec node-2 -- bridge fdb show dev flannel.1
  podlace lab exec node-1 -- bash`

export function addExecCommand(lab: Command, context: CliContext): void {
  onLab(lab.command('exec'))
    .description('run a command in a pod or on a node')
    .argument('<pod|node>', 'where')
    .argument('<command...>', 'after --, the command with its arguments')
    .addHelpText('after', HELP)
    .action(async (where: string, command: string[], flags: LabFlags) => {
      const environment = await labEnvironment(context)
      const { checkName, Lab, labExec, labExecCaptured } = await import('../../../lab/index.ts')
      const opened = Lab.open(environment, checkName(flags.name))
      if (flags.output === 'text') throw new ExitWith(await labExec(opened, where, command))
      const result = await labExecCaptured(opened, where, command)
      context.stdout.write(`${JSON.stringify(result)}\n`)
      throw new ExitWith(result.exitCode)
    })
}
