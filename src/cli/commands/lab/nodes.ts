import type { Command } from 'commander'
import type { CliContext } from '../../context.ts'
import { labEnvironment } from '../../lab-environment.ts'
import { type LabFlags, onLab, printResult } from './common.ts'

interface RemoveFlags extends LabFlags {
  readonly keepRunning?: boolean
}

/** `add-node` and `remove-node`. */
export function addNodeCommands(lab: Command, context: CliContext): void {
  onLab(lab.command('add-node'))
    .description('add a node, or register one again that was removed with --keep-running')
    .argument('[node]', 'its name; default node-N')
    .action(async (name: string | undefined, flags: LabFlags) => {
      const environment = await labEnvironment(context)
      const { checkName, labAddNode } = await import('../../../lab/index.ts')
      const node = await labAddNode(environment, checkName(flags.name), name)
      printResult(context, flags, node, () => [`${node.name} is ready at ${node.address}`])
    })
  onLab(lab.command('remove-node'))
    .description('delete a Node object and kill the node with its pods')
    .argument('<node>', 'its name')
    .option('--keep-running', 'only delete the object; node, agent and pods go on')
    .action(async (name: string, flags: RemoveFlags) => {
      const environment = await labEnvironment(context)
      const { checkName, labRemoveNode } = await import('../../../lab/index.ts')
      const keepRunning = flags.keepRunning ?? false
      await labRemoveNode(environment, checkName(flags.name), name, { keepRunning })
      const text = keepRunning ? `${name} is deleted and runs on` : `${name} is deleted and killed`
      printResult(context, flags, { node: name, keepRunning }, () => [text])
    })
}
