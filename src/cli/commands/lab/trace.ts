import type { Command } from 'commander'
import type { CliContext } from '../../context.ts'
import { ExitWith } from '../../exit.ts'
import { labEnvironment } from '../../lab-environment.ts'
import { renderTable } from '../../ui/table.ts'
import { type LabFlags, onLab, printResult } from './common.ts'

const HELP = `
No packet is sent: the way is found by walking what the agents hold. The exit status is 1 if it ends on the way.`

export function addTraceCommand(lab: Command, context: CliContext): void {
  onLab(lab.command('trace'))
    .description("one packet's way from pod to pod, and the objects that account for it")
    .argument('<from>', 'a pod')
    .argument('<to>', 'a pod')
    .addHelpText('after', HELP)
    .action(async (from: string, to: string, flags: LabFlags) => {
      const environment = await labEnvironment(context)
      const { checkName, Lab, labTrace } = await import('../../../lab/index.ts')
      const trace = await labTrace(Lab.open(environment, checkName(flags.name)), from, to)
      const rows = () => trace.steps.map(({ where, what, because }) => [where, what, because.join(', ')])
      const itself = [`${from} is the pod itself: the packet does not leave it`]
      printResult(context, flags, trace, () => (trace.steps.length === 0 ? itself : renderTable(rows())))
      if (trace.verdict !== 'reached') throw new ExitWith(1)
    })
}
