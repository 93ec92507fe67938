import { PodlaceError } from '../base/index.ts'
import type { CliContext } from './context.ts'

/**
 * All of standard input, which is `what`. Throws `cli.input` if it is longer than `limit` bytes, or if the command is
 * interrupted while it waits for it.
 */
export async function readInput(context: CliContext, what: string, limit: number): Promise<Uint8Array> {
  const { stdin, stderr, signal } = context
  if (stdin.isTTY === true) stderr.write(`podlace: type ${what}, then Ctrl-D\n`)
  const refuse = (found: string) => new PodlaceError(`read ${what}`, found, { code: 'cli.input' })
  const stop = () => stdin.destroy()
  signal.addEventListener('abort', stop, { once: true })
  const chunks: Uint8Array[] = []
  let length = 0
  try {
    for await (const chunk of stdin) {
      chunks.push(chunk)
      length += chunk.length
      if (length > limit) throw refuse(`${what} on standard input has more than ${limit} bytes`)
    }
  } catch (error) {
    // A stream that is destroyed ends with an error of its own.
    if (!signal.aborted) throw error
  } finally {
    signal.removeEventListener('abort', stop)
  }
  if (signal.aborted) throw refuse(`interrupted while waiting for ${what} on standard input`)
  return Buffer.concat(chunks)
}
