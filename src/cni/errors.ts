import type { ErrorPayload } from '../base/index.ts'
import { errorText, PodlaceError } from '../base/index.ts'

/**
 * Error codes of the protocol (SPEC.md, "Error"; 8 is in libcni's code only). 100 and above are a plugin's own:
 * ours are listed here too, so that the whole table stands in one place.
 */
const CNI_ERROR_CODES = {
  'incompatible-version': 1,
  'unsupported-field': 2,
  'unknown-container': 3,
  'invalid-environment': 4,
  io: 5,
  decode: 6,
  'invalid-configuration': 7,
  'invalid-netns': 8,
  'try-again-later': 11,
  unavailable: 50,
  'unavailable-limited': 51,
  'addresses-exhausted': 100,
  'interface-exists': 101,
  'address-conflict': 102,
  'not-as-added': 103,
  internal: 999,
} as const

export type CniErrorName = keyof typeof CNI_ERROR_CODES

/** Of errors made here; those of other rooms get their number from `CODE_OF`. */
export interface CniErrorPayload extends ErrorPayload {
  readonly code: `cni.${CniErrorName | 'delegate'}`
  readonly cniCode: number
  readonly details?: string
}

/** What a plugin prints on standard output when it fails, beside a non-zero exit code. */
export interface CniErrorReply {
  readonly cniVersion?: string
  readonly code: number
  readonly msg: string
  readonly details?: string
}

/** An error that bears a code of the protocol. */
export function cniError(
  name: CniErrorName,
  op: string,
  message: string,
  details?: string,
): PodlaceError<CniErrorPayload> {
  const payload = { code: `cni.${name}` as const, cniCode: CNI_ERROR_CODES[name] }
  return new PodlaceError(op, message, details === undefined ? payload : { ...payload, details })
}

/** What a plugin of somebody else refused, with the code and the words it gave. */
export function delegateError(
  plugin: string,
  {
    code,
    msg,
    details,
  }: { readonly code: number; readonly msg: string; readonly details?: string | undefined },
): PodlaceError<CniErrorPayload> {
  const payload = { code: 'cni.delegate', cniCode: code } as const
  const full = details === undefined || details === '' ? payload : { ...payload, details }
  return new PodlaceError(`run plugin ${plugin}`, `plugin ${plugin}: ${msg}`, full)
}

/**
 * Which code the errors of other rooms become: the longest matching dotted code decides, a code that is not listed
 * is internal (999).
 */
const CODE_OF: ReadonlyMap<string, CniErrorName> = new Map<string, CniErrorName>([
  ['attach.unsupported-field', 'unsupported-field'],
  ['attach.invalid-configuration', 'invalid-configuration'],
  ['attach.address-conflict', 'address-conflict'],
  ['overlay.subnet-env', 'try-again-later'],
  ['ip', 'invalid-configuration'],
  ['ipam', 'invalid-configuration'],
  ['ipam.exhausted', 'addresses-exhausted'],
  ['ipam.store', 'io'],
  ['sys.emfile', 'try-again-later'],
  ['sys.enfile', 'try-again-later'],
  ['sys.enospc', 'io'],
  ['sys.erofs', 'io'],
  ['sys.eio', 'io'],
])

function isCniPayload(payload: ErrorPayload): payload is CniErrorPayload {
  return payload.code.startsWith('cni.') && 'cniCode' in payload
}

/** The code of the protocol for anything that was thrown. */
export function cniCodeOf(error: unknown): number {
  if (!(error instanceof PodlaceError)) return CNI_ERROR_CODES.internal
  if (isCniPayload(error.payload)) return error.payload.cniCode
  for (let code: string = error.code; code !== ''; code = code.slice(0, Math.max(0, code.lastIndexOf('.')))) {
    const name = CODE_OF.get(code)
    if (name !== undefined) return CNI_ERROR_CODES[name]
  }
  return CNI_ERROR_CODES.internal
}

/** Anything that was thrown, as the reply of a plugin. `msg` is one line; what caused it stands in `details`. */
export function cniErrorReply(error: unknown, cniVersion?: string): CniErrorReply {
  const version = cniVersion === undefined ? {} : { cniVersion }
  const msg = error instanceof Error ? error.message : String(error)
  const details = errorDetails(error)
  return { ...version, code: cniCodeOf(error), msg, ...(details === undefined ? {} : { details }) }
}

/** What the runtime logs beside the message: own details, else what was being done and what it failed on. */
function errorDetails(error: unknown): string | undefined {
  if (!(error instanceof PodlaceError)) return undefined
  if (isCniPayload(error.payload) && error.payload.details !== undefined) return error.payload.details
  return error.cause === undefined ? error.op : `${error.op}: ${errorText(error.cause)}`
}
