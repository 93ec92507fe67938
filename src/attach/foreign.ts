import type { Attachment } from './plan.ts'
import type { CniResult } from './result.ts'

/** An attachment that a plugin of somebody else makes: of it we know what it was told and what it answered. */
export interface ForeignSpec {
  readonly network: string
  readonly containerId: string
  readonly ifName: string
  readonly pod?: { readonly namespace: string; readonly name: string }
  /** Its name in the directories of CNI_PATH. */
  readonly plugin: string
  /** What it is given, less what a runtime adds from call to call. */
  readonly config: Readonly<Record<string, unknown>>
  readonly result: CniResult
}

/** Nothing of it is ours to make. */
export function planForeign({ result }: ForeignSpec): Attachment {
  return { pod: [], host: [], shared: [], displaced: [], result }
}
