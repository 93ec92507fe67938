import type { Command } from 'commander'
import type { CliContext } from '../../context.ts'
import { labEnvironment } from '../../lab-environment.ts'
import { type LabFlags, onLab, printResult } from './common.ts'

const HELP = `
Works on a lab that is half made or half dead too.`

export function addDownCommand(lab: Command, context: CliContext): void {
  onLab(lab.command('down'))
    .description('remove a lab and everything in it')
    .addHelpText('after', HELP)
    .action(async (flags: LabFlags) => {
      const environment = await labEnvironment(context)
      const { checkName, labDown } = await import('../../../lab/index.ts')
      await labDown(environment, checkName(flags.name))
      printResult(context, flags, { name: flags.name, removed: true }, () => [`lab ${flags.name} is removed`])
    })
}
