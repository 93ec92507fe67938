import { dirname } from 'node:path'
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
  /** What is to be left out of a range names no addresses. */
  | { readonly code: 'ipam.exclusion'; readonly text: string }
  /** Two addresses were asked for of a range set, which gives one. */
  | { readonly code: 'ipam.one-per-set'; readonly address: string; readonly other: string }
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
  const message = `${prefix} has no address to hand out after network, broadcast, gateway and exclusions; use a larger one, or a gateway outside of it`
  return new PodlaceError(`use ${prefix}`, message, { code: 'ipam.too-small', prefix })
}

export function overlap(prefix: string, other: string): IpamError {
  const message = `the ranges ${prefix} and ${other} share addresses; make them disjoint`
  return new PodlaceError(`use ${prefix}`, message, { code: 'ipam.overlap', prefix, other })
}

export function badExclusion(text: string): IpamError {
  const message = `${JSON.stringify(text)} names no addresses: write 10.1.0.7, 10.1.0.0/28 or 10.1.0.40-10.1.0.49`
  return new PodlaceError('leave out addresses', message, { code: 'ipam.exclusion', text })
}

export function onePerSet(address: string, other: string): IpamError {
  const message = `${address} and ${other} are of one range set, which gives one address: ask for one of them`
  return new PodlaceError(`allocate ${address}`, message, { code: 'ipam.one-per-set', address, other })
}

/** For a failed system call below `directory`, which holds the leases of a network. */
export function storeFailed(directory: string, cause: unknown): IpamError {
  const errno = errnoOf(cause) ?? 'unknown'
  const path = pathOf(cause) ?? directory
  const message = `cannot keep leases in ${directory}: ${advice(errno, path, directory, cause)}; nothing was kept of it`
  return new PodlaceError('keep the leases', message, { code: 'ipam.store', path, errno }, { cause })
}

/** For a lease whose holder cannot be told, so that it is kept. */
export function unreadable(path: string): IpamError {
  const message = `whose address ${path} is cannot be read: ${givesIt(dirname(path))}; until then it is not given back`
  return new PodlaceError('collect garbage', message, { code: 'ipam.store', path, errno: 'EACCES' })
}

/** The errno name of a failed system call, of Node's or of the `sys` room. */
export function errnoOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined
  if (typeof error.code !== 'string') return undefined
  const [, name] = /^(?:sys\.)?(e[a-z0-9]+)$/i.exec(error.code) ?? []
  return name?.toUpperCase()
}

function pathOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('path' in error)) return undefined
  return typeof error.path === 'string' ? error.path : undefined
}

function advice(errno: string, path: string, directory: string, cause: unknown): string {
  if (errno === 'ENOSPC' || errno === 'EDQUOT') return 'the disk is full, free space or inodes there'
  if (errno === 'EACCES' || errno === 'EPERM') return `permission denied for ${path}; ${givesIt(directory)}`
  if (errno === 'EEXIST') return `another program made ${path} meanwhile, without the lock; try again`
  if (errno === 'EROFS') return 'the file system is read-only, remount it or choose another dataDir'
  return errorText(cause)
}

function givesIt(directory: string): string {
  return `"podlace cni install --agent-uid UID --host-local-dir ${dirname(directory)}", as root, gives it to the agent's user`
}
