import type { Command } from 'commander'
import type { CliContext } from '../context.ts'
import { keepHeapLean } from '../lean-heap.ts'
import { serverUrl } from '../options.ts'

interface ControllerFlags {
  readonly api: string
  readonly tokenFile?: string
}

export function addControllerCommand(program: Command, context: CliContext): void {
  program
    .command('controller')
    .description('run the cluster loops: pod CIDRs for nodes')
    .requiredOption('--api <url>', 'the API server', serverUrl)
    .option('--token-file <path>', 'file with the bearer token')
    .action(async (flags: ControllerFlags) => {
      keepHeapLean()
      const { runController } = await import('../../controller/index.ts')
      await runController({ ...flags, signal: context.signal })
    })
}
