import type { Command } from 'commander'
import { jsonLogger, systemClock } from '../../../base/index.ts'
import type { CliContext } from '../../context.ts'
import { aborted } from '../../stop-signal.ts'

/** The process behind a lab's pods; started by `lab up`, not by people. */
export function addWorkloadCommand(lab: Command, context: CliContext): void {
  lab
    .command('workload', { hidden: true })
    .description('serve echo in every pod of a lab and probe from there')
    .requiredOption('--socket <path>', 'where to take commands')
    .action(async (flags: { readonly socket: string }) => {
      const { WorkloadServer } = await import('../../../lab/index.ts')
      const log = jsonLogger('info', { process: 'workload' })
      const server = await WorkloadServer.listen({ socketPath: flags.socket, clock: systemClock, log })
      await aborted(context.signal)
      server.close()
    })
}
