import type { Command } from 'commander'
import type { CliContext } from '../context.ts'
import { withOutput } from '../options.ts'
import { VERSION } from '../version.ts'

export function addVersionCommand(program: Command, context: CliContext): void {
  withOutput(program.command('version'))
    .description('print the version')
    .action((options: { output: string }) => {
      const { node, napi } = process.versions
      const facts = { version: VERSION, node, napi }
      const text = `podlace ${VERSION} (Node ${node})`
      context.stdout.write(`${options.output === 'json' ? JSON.stringify(facts) : text}\n`)
    })
}
