import { PodlaceError } from '../base/index.ts'

/** What this room throws. Every message says what was asked, what was found and what to do. */
export type LabErrorPayload =
  | { readonly code: 'lab.not-root' }
  /** A program the lab runs (`ip`, `nsenter`, `iperf3`) is not installed. */
  | { readonly code: 'lab.tool-missing'; readonly tools: readonly string[] }
  /** The bundle, the addon or the shim has not been built. */
  | { readonly code: 'lab.not-built'; readonly files: readonly string[] }
  | { readonly code: 'lab.bad-setting'; readonly setting: string; readonly value: string }
  | { readonly code: 'lab.exists'; readonly lab: string; readonly phase: string }
  | { readonly code: 'lab.unknown'; readonly lab: string; readonly known: readonly string[] }
  | { readonly code: 'lab.unknown-member'; readonly lab: string; readonly member: string }
  | { readonly code: 'lab.member-exists'; readonly lab: string; readonly member: string }
  /** Another command holds the lab's lock. */
  | { readonly code: 'lab.busy'; readonly lab: string }
  | { readonly code: 'lab.state-corrupt'; readonly path: string; readonly reason: string }
  /** Something was waited for in vain; `log` is the tail of the log of whoever should have done it. */
  | {
      readonly code: 'lab.timeout'
      readonly waitedFor: string
      readonly timeoutMs: number
      readonly log: readonly string[]
    }
  /** Whoever should have done it has ended; `log` is the tail of its log. */
  | { readonly code: 'lab.ended'; readonly waitedFor: string; readonly log: readonly string[] }
  | {
      readonly code: 'lab.command'
      readonly command: string
      readonly exitCode: number
      readonly stderr: string
    }
  /** A daemon ended that should have stayed. */
  | { readonly code: 'lab.ended'; readonly role: string; readonly log: readonly string[] }
  /** The plugins attached a pod and gave it no address. */
  | { readonly code: 'lab.no-address'; readonly pod: string }
  | { readonly code: 'lab.api'; readonly method: string; readonly path: string; readonly status: number }
  /** containerd told something that cannot be used. */
  | { readonly code: 'lab.containerd' }
  | { readonly code: 'lab.workload'; readonly request: string }
  | { readonly code: 'lab.interrupted' }

export type LabError = PodlaceError<LabErrorPayload>

export function labError(op: string, message: string, payload: LabErrorPayload, cause?: unknown): LabError {
  return new PodlaceError(op, message, payload, cause === undefined ? undefined : { cause })
}

/** The user pressed Ctrl-C, or the process was asked to end. */
function interrupted(): LabError {
  return labError('interrupt', 'interrupted', { code: 'lab.interrupted' })
}

/** Throws if the command was interrupted: called between the steps of whatever takes long. */
export function throwIfInterrupted(signal: AbortSignal): void {
  if (signal.aborted) throw interrupted()
}
