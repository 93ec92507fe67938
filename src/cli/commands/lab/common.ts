import type { Command } from 'commander'
import type { CliContext } from '../../context.ts'
import { withOutput } from '../../options.ts'

/** What every command on a lab understands. */
export interface LabFlags {
  readonly name: string
  readonly output: 'text' | 'json'
}

/** Adds `--name` and `-o`. */
export function onLab(command: Command): Command {
  return withOutput(command.option('--name <lab>', 'which lab', 'default'))
}

/** Prints a result: as it is for JSON, else the lines. */
export function printResult(
  context: CliContext,
  flags: { readonly output: 'text' | 'json' },
  result: unknown,
  lines: () => readonly string[],
): void {
  const text = flags.output === 'json' ? JSON.stringify(result) : lines().join('\n')
  context.stdout.write(`${text}\n`)
}
