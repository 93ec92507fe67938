import { PodlaceError } from '../../base/index.ts'
import type { CniErrorReply } from '../errors.ts'
import type { CniCommand } from '../versions.ts'

/** What calling plugins may end with, beside the protocol's own errors (`cniError`). */
export type RuntimeErrorPayload =
  | { readonly code: 'cni.runtime.no-network'; readonly network: string; readonly directory: string }
  | {
      readonly code: 'cni.runtime.plugin-missing'
      readonly plugin: string
      readonly directories: readonly string[]
    }
  | { readonly code: 'cni.runtime.plugin-not-started'; readonly plugin: string }
  /** The plugin said no. */
  | {
      readonly code: 'cni.runtime.plugin-failed'
      readonly plugin: string
      readonly command: CniCommand
      readonly exitCode: number
      /** What it printed; code 999 if that was no error of the protocol. */
      readonly reply: CniErrorReply
    }
  /** It exited with 0, and what it printed is no answer, or too long. */
  | { readonly code: 'cni.runtime.plugin-answer'; readonly plugin: string }
  | { readonly code: 'cni.runtime.plugin-hung'; readonly plugin: string; readonly timeoutMs: number }
  | { readonly code: 'cni.runtime.interrupted' }
  | { readonly code: 'cni.runtime.attached' | 'cni.runtime.not-attached'; readonly network: string }
  /** The kept result of an ADD cannot be read or written. */
  | { readonly code: 'cni.runtime.cache'; readonly path: string }
  | { readonly code: 'cni.runtime.gc'; readonly failures: readonly string[] }

export function runtimeError(
  op: string,
  message: string,
  payload: RuntimeErrorPayload,
  cause?: unknown,
): PodlaceError<RuntimeErrorPayload> {
  return new PodlaceError(op, message, payload, cause === undefined ? undefined : { cause })
}
