import type { Screen } from './ui/progress.ts'

/** What the commands are given of the process they run in. */
export interface CliContext {
  readonly stdout: Screen
  readonly stderr: { write(text: string): void }
  /** Standard input; asked for only by commands that read it. */
  readonly stdin: AsyncIterable<Uint8Array> & { readonly isTTY?: boolean; destroy(): unknown }
  readonly env: Readonly<Record<string, string | undefined>>
  readonly uid: number
  /** Aborts at the first SIGINT, SIGTERM or SIGHUP; the reason is the signal's name. */
  readonly signal: AbortSignal
}
