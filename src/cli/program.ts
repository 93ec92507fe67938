import { Command } from 'commander'
import { addAgentCommand } from './commands/agent.ts'
import { addApiServerCommand } from './commands/apiserver.ts'
import { addControllerCommand } from './commands/controller.ts'
import { addDemoCommand } from './commands/demo.ts'
import { addLabCommands } from './commands/lab.ts'
import { addVersionCommand } from './commands/version.ts'
import type { CliContext } from './context.ts'
import { EXIT, explainError, signalStatus } from './exit.ts'

const EXAMPLES = `
Examples:
  podlace demo                     three nodes, six pods, faults and figures; needs root
  podlace lab up --nodes 5         a cluster on this machine, to play with
  podlace lab exec web-1 -- ip route
  podlace lab check                can every pod reach every other?
  podlace lab down

Every command explains itself: podlace lab up --help`

/** The command tree. Commands load what they need when they run, so that help is there at once. */
export function buildProgram(context: CliContext): Command {
  const program = new Command('podlace')
    .description('A pod network you can read.')
    .addHelpText('after', EXAMPLES)
    .exitOverride()
    .configureOutput({
      writeOut: text => context.stdout.write(text),
      writeErr: text => context.stderr.write(text),
      outputError: (text, write) => write(text.replace(/^error: /, 'podlace: ')),
      getOutHelpWidth: () => Math.min(context.stdout.width, 110),
    })
    .showHelpAfterError('(--help after a command explains it)')
  addDemoCommand(program, context)
  addLabCommands(program, context)
  addAgentCommand(program, context)
  addApiServerCommand(program, context)
  addControllerCommand(program, context)
  addVersionCommand(program, context)
  return program
}

/** Runs one command line to its end and returns the exit status; errors are told on standard error. */
export async function runCli(args: readonly string[], context: CliContext): Promise<number> {
  try {
    await buildProgram(context).parseAsync(args, { from: 'user' })
    return EXIT.ok
  } catch (error) {
    const { status, text } = explainError(error)
    if (text !== undefined) context.stderr.write(`podlace: ${text}\n`)
    return context.signal.aborted ? signalStatus(String(context.signal.reason)) : status
  }
}
