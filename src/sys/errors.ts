import { errnoName, PodlaceError } from '../base/index.ts'

/**
 * `code` is `sys.` and the errno's name in lower case (`sys.enoent`), or one of the codes without an errno
 * below.
 */
export interface SysErrorPayload {
  readonly code: `sys.${string}`
  /** Linux errno, positive; 0 where no system call was refused. */
  readonly errno: number
  /** The system call that was refused: `setns`; empty if none was. */
  readonly syscall: string
}

/** A refused system call. Codes without errno: `sys.addon-missing`, `sys.closed`, `sys.bad-path`. */
export type SysError = PodlaceError<SysErrorPayload>

/** An error for something that was refused before any system call. */
export function sysError(code: `sys.${string}`, op: string, message: string, cause?: unknown): SysError {
  return new PodlaceError(op, message, { code, errno: 0, syscall: '' }, cause === undefined ? {} : { cause })
}

/** An error as the kernel would have given it; the sign of `errno` does not matter. */
export function errnoError(signedErrno: number, syscall: string, op: string): SysError {
  const errno = Math.abs(signedErrno)
  const name = errnoName(errno)
  const code = `sys.${name.toLowerCase()}` as const
  return new PodlaceError(op, `${op}: ${syscall} failed with ${name}${hint(name, syscall)}`, {
    code,
    errno,
    syscall,
  })
}

/**
 * Turns what a host function of the addon or of `node:fs` threw into a `SysError`; anything else passes
 * through.
 */
export function fromNative(op: string, thrown: unknown): unknown {
  if (!(thrown instanceof Error) || !('errno' in thrown) || !('syscall' in thrown)) return thrown
  const { errno, syscall } = thrown
  return typeof errno === 'number' && typeof syscall === 'string' ? errnoError(errno, syscall, op) : thrown
}

/** Runs a host function; `op` says in words what was asked. */
export function attempt<T>(op: string, host: () => T): T {
  try {
    return host()
  } catch (thrown) {
    throw fromNative(op, thrown)
  }
}

/** What to do about the errors that have one usual reason. */
function hint(name: string, syscall: string): string {
  if (name === 'EPERM' && (syscall === 'setns' || syscall === 'unshare' || syscall.includes('mount')))
    return ': this needs root (CAP_SYS_ADMIN)'
  if (name === 'EPERM' || name === 'EACCES') return ': not permitted to this process'
  if (name === 'EINVAL' && syscall === 'setns') return ': the file is not a network namespace'
  if (name === 'EMFILE') return ': this process has too many open files, raise its limit (ulimit -n)'
  if (name === 'ENFILE') return ': the machine has too many open files'
  if (name === 'EADDRINUSE') return ': the path or port is in use'
  if (name === 'ENOBUFS') return ': replies were lost, ask again in smaller parts'
  return ''
}
