import type { Command } from 'commander'
import type { LabStatus } from '../../../lab/index.ts'
import type { CliContext } from '../../context.ts'
import { labEnvironment } from '../../lab-environment.ts'
import { renderTable } from '../../ui/table.ts'
import { type LabFlags, onLab, printResult } from './common.ts'

export function addStatusCommand(lab: Command, context: CliContext): void {
  onLab(lab.command('status'))
    .description('nodes, agents and pods of a lab')
    .action(async (flags: LabFlags) => {
      const environment = await labEnvironment(context)
      const { checkName, Lab, labStatus } = await import('../../../lab/index.ts')
      const status = await labStatus(Lab.open(environment, checkName(flags.name)))
      printResult(context, flags, status, () => statusLines(status))
    })
}

/** The status as people read it. */
export function statusLines(status: LabStatus): string[] {
  const { name, phase, settings } = status
  const head = `lab ${name} (${phase}): ${settings.backend}, pods in ${settings.network}`
  const nodes = status.nodes.map(node => [
    `  ${node.name}`,
    node.address,
    node.podCIDR ?? 'no pod CIDR yet',
    `agent ${node.agent}`,
    node.pods.map(pod => `${pod.name} ${pod.address ?? 'no address'}`).join('   '),
  ])
  const servers = status.servers.map(server => `${server.role} ${server.state}`).join(', ')
  return [head, ...renderTable(nodes), `  ${servers}`]
}
