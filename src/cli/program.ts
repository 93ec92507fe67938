import { Command } from 'commander'
import { addAgentCommand } from './commands/agent.ts'
import { addApiServerCommand } from './commands/apiserver.ts'
import { addCniCommands } from './commands/cni.ts'
import { addControllerCommand } from './commands/controller.ts'
import { addDemoCommand } from './commands/demo.ts'
import { addDhcpCommand } from './commands/dhcp.ts'
import { addFlanneldCommand } from './commands/flanneld.ts'
import { addLabCommands } from './commands/lab.ts'
import { addStatusCommand } from './commands/status.ts'
import { addVersionCommand } from './commands/version.ts'
import type { CliContext } from './context.ts'
import { EXIT, errorObject, explainError, signalStatus } from './exit.ts'
import { VERSION } from './version.ts'

const EXAMPLES = `
Examples:
  podlace demo                     three nodes, six pods, faults and figures; needs root
  podlace lab up --nodes 5         a cluster on this machine, to play with
  podlace lab exec web-1 -- ip route
  podlace lab check                can every pod reach every other?
  podlace lab down

Every command explains itself: podlace lab up --help

Exit status: 0 done, 1 could not be done, 2 the command line or a setting makes no sense, 128+n ended by signal n.
With -o json standard output holds one JSON value: the result, or {"error": {"code", "message"}}. Messages and
logs go to standard error. A command line that cannot be read prints nothing on standard output.`

/** The command tree. Commands load what they need when they run, so that help is there at once. */
function buildProgram(context: CliContext): Command {
  const program = new Command('podlace')
    .description('A pod network you can read.')
    .addHelpText('after', EXAMPLES)
    .version(VERSION, '--version', 'print the version number')
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
  addCniCommands(program, context)
  addAgentCommand(program, context)
  addFlanneldCommand(program, context)
  addStatusCommand(program, context)
  addDhcpCommand(program, context)
  addApiServerCommand(program, context)
  addControllerCommand(program, context)
  addVersionCommand(program, context)
  return program
}

/** Runs one command line to its end and returns the exit status; errors are told on standard error. */
export async function runCli(args: readonly string[], context: CliContext): Promise<number> {
  let json = false
  const program = buildProgram(context).hook('preAction', (_, command) => {
    json = command.opts()['output'] === 'json'
  })
  try {
    await program.parseAsync(args, { from: 'user' })
    return EXIT.ok
  } catch (error) {
    const { status, text } = explainError(error)
    if (text !== undefined) {
      context.stderr.write(`podlace: ${text}\n`)
      // So that with -o json there is always one value to read, unless the command line itself made no sense.
      if (json) context.stdout.write(`${JSON.stringify({ error: errorObject(error, text) })}\n`)
    }
    return context.signal.aborted ? signalStatus(String(context.signal.reason)) : status
  }
}
