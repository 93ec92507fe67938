import { PodlaceError } from '../base/index.ts'

/** What this room throws; `text` is the input as given. */
export type IpErrorPayload =
  /** Not an address, prefix or MAC at all, or not written the way we insist on. */
  | { readonly code: 'ip.malformed'; readonly text: string; readonly reason: string }
  /** A network prefix with host bits set; `suggestion` is the prefix that was probably meant. */
  | { readonly code: 'ip.host-bits'; readonly text: string; readonly suggestion: string }
  /** Arithmetic that leaves the prefix or the family. */
  | { readonly code: 'ip.out-of-range'; readonly text: string; readonly reason: string }

export type IpError = PodlaceError<IpErrorPayload>

/** `what` is the kind of thing that was expected: `an IP address`. */
export function malformed(what: string, text: string, reason: string): IpError {
  const message = `${quote(text)} is not ${what}: ${reason}`
  return new PodlaceError(`parse ${what}`, message, { code: 'ip.malformed', text, reason })
}

export function hostBits(text: string, suggestion: string): IpError {
  const message = `${quote(text)} has host bits set; the network is ${suggestion}`
  return new PodlaceError('parse a prefix', message, { code: 'ip.host-bits', text, suggestion })
}

export function outOfRange(op: string, text: string, reason: string): IpError {
  return new PodlaceError(op, `cannot ${op} ${text}: ${reason}`, { code: 'ip.out-of-range', text, reason })
}

/** Input may be hostile: control characters are escaped, and a message stays a line. */
function quote(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text)
}
