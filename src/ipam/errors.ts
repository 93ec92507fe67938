import { errorText, PodlaceError } from '../base/index.ts'

export type IpamErrorPayload =
  /** No address is free. Counts are addresses; `nextFreeMs` is when the first cooldown ends, if any is running. */
  | {
      readonly code: 'ipam.exhausted'
      readonly total: bigint
      readonly held: number
      readonly cooling: number
      readonly nextFreeMs?: number
    }
  /** The address asked for is held, was released a moment ago, or the holder has one already. */
  | {
      readonly code: 'ipam.taken'
      readonly address: string
      readonly holder?: string
      readonly freeInMs?: number
    }
  /** The address asked for is none that may be handed out. */
  | { readonly code: 'ipam.out-of-range'; readonly address: string }
  /** A range, or a pool, without a single address to hand out. */
  | { readonly code: 'ipam.too-small'; readonly prefix: string }
  /** Two ranges share addresses. */
  | { readonly code: 'ipam.overlap'; readonly prefix: string; readonly other: string }
  /** The directory of leases cannot be read or written; `errno` is a name such as ENOSPC. */
  | { readonly code: 'ipam.store'; readonly path: string; readonly errno: string }

export type IpamError = PodlaceError<IpamErrorPayload>

export function exhausted(
  where: string,
  counts: { total: bigint; held: number; cooling: number; nextFreeMs: number | undefined },
): IpamError {
  const { nextFreeMs, ...rest } = counts
  const soon =
    nextFreeMs === undefined
      ? 'delete pods or give the range more addresses'
      : `${rest.cooling} were released a moment ago, the first can be used again in ${Math.ceil(nextFreeMs)} ms`
  const message = `no address is free in ${where}: ${rest.held} of ${rest.total} are held; ${soon}`
  const payload = { code: 'ipam.exhausted' as const, ...rest }
  return new PodlaceError(
    'allocate an address',
    message,
    nextFreeMs === undefined ? payload : { ...payload, nextFreeMs },
  )
}

export function takenBy(address: string, holder: string): IpamError {
  const message = `${address} is held by ${JSON.stringify(holder)}; release it there or ask for another`
  return new PodlaceError(`allocate ${address}`, message, { code: 'ipam.taken', address, holder })
}

export function cooling(address: string, freeInMs: number): IpamError {
  const message = `${address} was released a moment ago; it can be used again in ${Math.ceil(freeInMs)} ms`
  return new PodlaceError(`allocate ${address}`, message, { code: 'ipam.taken', address, freeInMs })
}

export function alreadyHolds(holder: string, address: string): IpamError {
  const message = `${JSON.stringify(holder)} holds ${address} already; release it first`
  return new PodlaceError('allocate an address', message, { code: 'ipam.taken', address, holder })
}

export function outOfRange(address: string, where: string): IpamError {
  const message = `${address} cannot be handed out: it is outside ${where}, or a network, broadcast, gateway or excluded address`
  return new PodlaceError(`allocate ${address}`, message, { code: 'ipam.out-of-range', address })
}

export function tooSmall(prefix: string): IpamError {
  const message = `${prefix} has no address to hand out after network, broadcast, gateway and exclusions; use a larger one`
  return new PodlaceError(`use ${prefix}`, message, { code: 'ipam.too-small', prefix })
}

export function overlap(prefix: string, other: string): IpamError {
  const message = `the ranges ${prefix} and ${other} share addresses; make them disjoint`
  return new PodlaceError(`use ${prefix}`, message, { code: 'ipam.overlap', prefix, other })
}

/** For a failed system call on `path`. */
export function storeFailed(op: string, path: string, cause: unknown): IpamError {
  const errno = errnoOf(cause) ?? 'unknown'
  const message = `cannot ${op} in ${path}: ${advice(errno, cause)}; nothing was kept of it`
  return new PodlaceError(op, message, { code: 'ipam.store', path, errno }, { cause })
}

/** The errno name of a failed system call, of Node's or of the `sys` room. */
export function errnoOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined
  if (typeof error.code !== 'string') return undefined
  const [, name] = /^(?:sys\.)?(e[a-z0-9]+)$/i.exec(error.code) ?? []
  return name?.toUpperCase()
}

function advice(errno: string, cause: unknown): string {
  if (errno === 'ENOSPC' || errno === 'EDQUOT') return 'the disk is full, free space or inodes there'
  if (errno === 'EACCES' || errno === 'EPERM')
    return 'permission denied, give the directory to the user of the agent'
  if (errno === 'EROFS') return 'the file system is read-only, remount it or choose another data directory'
  return errorText(cause)
}
