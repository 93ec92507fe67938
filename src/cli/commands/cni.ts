import type { Command } from 'commander'
import type { CliContext } from '../context.ts'
import { addConformanceCommand } from './cni/conformance.ts'

export function addCniCommands(program: Command, context: CliContext): void {
  const cni = program.command('cni').description('CNI plugins: try them')
  addConformanceCommand(cni, context)
}
