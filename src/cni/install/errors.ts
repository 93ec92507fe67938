import { errorText, PodlaceError } from '../../base/index.ts'

export type InstallErrorPayload =
  /** The shim that is to be installed is not there, or is something else. */
  | { readonly code: 'cni.install.no-shim'; readonly path: string }
  /** Other programs, asked for by name, and no word that they may be put aside. */
  | { readonly code: 'cni.install.foreign'; readonly paths: readonly string[] }
  /** The network names plugins that are not there. */
  | { readonly code: 'cni.install.plugin-missing'; readonly plugins: readonly string[] }
  | { readonly code: 'cni.install.bad-network'; readonly path: string }
  /** Another install or uninstall runs. */
  | { readonly code: 'cni.install.busy'; readonly path: string }
  /** The system refused; `errno` is its name for the reason, such as EACCES, EROFS, ENOSPC. */
  | { readonly code: 'cni.install.refused'; readonly errno: string }

export type InstallError = PodlaceError<InstallErrorPayload>

export function installError(op: string, message: string, payload: InstallErrorPayload): InstallError {
  return new PodlaceError(op, message, payload)
}

const ADVICE: ReadonlyMap<string, string> = new Map([
  ['EACCES', 'run the same command as root'],
  ['EPERM', 'run the same command as root'],
  ['EROFS', 'the file system is read-only: mount it writable, or name another directory'],
  ['ENOSPC', 'the disk is full: make room and run the same command again'],
  ['EDQUOT', 'the disk is full: make room and run the same command again'],
])

/** Runs file operations; what the system refuses is told as what was being done, with advice. */
export function explained<T>(op: string, run: () => T): T {
  try {
    return run()
  } catch (error) {
    if (!(error instanceof Error && 'syscall' in error && 'code' in error)) throw error
    const errno = String(error.code)
    const advice = ADVICE.get(errno)
    const message = `cannot ${op}: ${advice === undefined ? errorText(error) : `${errno}: ${advice}`}`
    throw new PodlaceError(op, message, { code: 'cni.install.refused', errno }, { cause: error })
  }
}
