/**
 * Runs a command on a kernel of its own, with this machine's files, and ends as the command does.
 *
 *   run.ts [--timeout SECONDS] COMMAND [ARGUMENT...]
 *
 * The command starts in the repository, as root. What it writes to files is gone afterwards.
 */
import process from 'node:process'
import { guestSession } from './session.ts'

const DEFAULT_TIMEOUT_SECONDS = 600

async function main(words: readonly string[]): Promise<number> {
  const timed = words[0] === '--timeout'
  const timeoutSeconds = timed ? Number(words[1]) : DEFAULT_TIMEOUT_SECONDS
  const command = timed ? words.slice(2) : words
  if (command.length === 0 || !(timeoutSeconds > 0)) {
    process.stderr.write('usage: run.ts [--timeout SECONDS] COMMAND [ARGUMENT...]\n')
    return 2
  }
  return await guestSession(command, { timeoutSeconds })
}

process.exitCode = await main(process.argv.slice(2))
