import type { Command } from 'commander'
import type { CliContext } from '../../context.ts'
import { labEnvironment } from '../../lab-environment.ts'
import { type LabFlags, onLab, printResult } from './common.ts'

interface RunFlags extends LabFlags {
  readonly node?: string
}

export function addRunCommand(lab: Command, context: CliContext): void {
  onLab(lab.command('run'))
    .description('start one more pod, attached by CNI like the others')
    .argument('<pod>', 'its name')
    .option('--node <node>', 'where; default the node with the fewest pods')
    .action(async (name: string, flags: RunFlags) => {
      const environment = await labEnvironment(context)
      const { checkName, labRun } = await import('../../../lab/index.ts')
      const pod = await labRun(environment, checkName(flags.name), name, flags.node)
      printResult(context, flags, pod, () => [
        `pod ${pod.name} runs on ${pod.node} with ${pod.addresses.join(', ')}`,
      ])
    })
}
