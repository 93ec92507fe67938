import { type ErrorPayload, errnoName, PodlaceError } from '../base/index.ts'

/**
 * Why a netlink request failed. Codes: `netlink.<errno in lower case>` for a refusal by the kernel, and
 * `netlink.malformed` (bytes that are no netlink), `netlink.invalid-value` (a value that no attribute can hold),
 * `netlink.no-reply`, `netlink.transport` (the socket failed), `netlink.rolled-back` (another message of the
 * same batch was refused), `netlink.interrupted` (a dump that never came out whole).
 */
export interface NetlinkErrorPayload extends ErrorPayload {
  readonly code: `netlink.${string}`
  /** The kernel's errno as a positive number; 0 where no errno belongs to the failure. */
  readonly errno: number
  /** NLMSGERR_ATTR_MSG: what the kernel says about it. */
  readonly extAck?: string
  /** NLMSGERR_ATTR_OFFS: where in the request the offending attribute starts, from the netlink header on. */
  readonly offset?: number
  /** NLMSGERR_ATTR_MISS_TYPE: the attribute that the kernel wanted and did not find. */
  readonly missingAttribute?: number
}

export type NetlinkError = PodlaceError<NetlinkErrorPayload>

/** Bytes that are not what they should be; `what` names the thing being read. */
export function malformed(what: string, found: string): NetlinkError {
  const message = `cannot read ${what}: ${found}; the sender does not speak this netlink dialect or the bytes are damaged`
  return new PodlaceError(`read ${what}`, message, { code: 'netlink.malformed', errno: 0 })
}

/** A value that does not fit the attribute it is meant for; a defect of the caller. */
export function invalidValue(what: string, found: string): NetlinkError {
  const message = `cannot encode ${what}: ${found}`
  return new PodlaceError(`encode ${what}`, message, { code: 'netlink.invalid-value', errno: 0 })
}

/** What to do about a refusal, for the errnos where one sentence holds whatever the request was. */
const advice: ReadonlyMap<string, string> = new Map([
  ['EPERM', 'it takes CAP_NET_ADMIN over the namespace of the socket'],
  ['EOPNOTSUPP', 'this kernel lacks the feature; check its configuration and modules'],
  ['EAFNOSUPPORT', 'this kernel lacks the address family; check its configuration and modules'],
  ['ENODEV', 'the link does not exist in this namespace'],
  ['EEXIST', 'an object with this key exists already'],
  ['ESRCH', 'no such object'],
  ['ENOENT', 'no such object'],
  ['EBUSY', 'something still uses it'],
  ['EADDRINUSE', 'another socket has this port; end that program, or choose another port'],
  ['ENETUNREACH', 'the gateway is not reachable through an address of the link; add one, or use onlink'],
  ['ENETDOWN', 'set the link up first'],
  ['EMSGSIZE', 'the request is larger than the send buffer of the socket'],
  ['ENOBUFS', 'the kernel ran out of buffer; send less at once or enlarge the receive buffer'],
])

export interface Refusal {
  readonly errno: number
  readonly extAck?: string
  readonly offset?: number
  readonly missingAttribute?: number
}

/** The error for a request that the kernel refused. `what` says what was asked: `add route 10.0.0.0/8`. */
export function refused(what: string, refusal: Refusal): NetlinkError {
  const name = errnoName(refusal.errno)
  const said = refusal.extAck === undefined ? '' : ` and says "${refusal.extAck}"`
  const place = refusal.offset === undefined ? '' : ` about the attribute at byte ${refusal.offset}`
  const missing =
    refusal.missingAttribute === undefined ? '' : `; it misses attribute ${refusal.missingAttribute}`
  const hint = advice.get(name)
  const message = `${what}: the kernel refuses with ${name}${said}${place}${missing}${hint === undefined ? '' : `; ${hint}`}`
  return new PodlaceError(what, message, { code: `netlink.${name.toLowerCase()}`, ...refusal })
}

/** A request whose fate is unknown or that was never carried out, for a reason other than a refusal. */
export function failed(
  what: string,
  code: 'no-reply' | 'transport' | 'rolled-back' | 'interrupted',
  found: string,
  cause?: unknown,
): NetlinkError {
  const payload: NetlinkErrorPayload = { code: `netlink.${code}`, errno: 0 }
  return new PodlaceError(what, `${what}: ${found}`, payload, cause === undefined ? undefined : { cause })
}
