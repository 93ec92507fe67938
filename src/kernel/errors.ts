import { PodlaceError } from '../base/index.ts'

/**
 * Why the kernel did not carry out an operation. `refused` is any other errno.
 * `namespace-needed`: a veth whose peer belongs into a namespace nobody holds right now.
 */
export interface KernelError {
  readonly code:
    | 'kernel.exists'
    | 'kernel.link-missing'
    | 'kernel.not-found'
    | 'kernel.unreachable'
    | 'kernel.busy'
    | 'kernel.unsupported'
    | 'kernel.namespace-needed'
    | 'kernel.invalid'
    | 'kernel.refused'
    | 'kernel.closed'
  /** Such as `EEXIST`, where the kernel gave one. */
  readonly errno?: string
  /** Key of the entry. */
  readonly key?: string
}

export function kernelError(
  op: string,
  message: string,
  payload: KernelError,
  cause?: unknown,
): PodlaceError<KernelError> {
  return new PodlaceError(op, message, payload, cause === undefined ? undefined : { cause })
}

/** The code that stands for an errno, so that a fake kernel and a real one refuse in the same words. */
export function codeOfErrno(errno: string): KernelError['code'] {
  switch (errno) {
    case 'EEXIST':
      return 'kernel.exists'
    case 'ENODEV':
    case 'ENXIO':
      return 'kernel.link-missing'
    case 'ENOENT':
    case 'ESRCH':
    case 'EADDRNOTAVAIL':
      return 'kernel.not-found'
    case 'ENETUNREACH':
    case 'EHOSTUNREACH':
      return 'kernel.unreachable'
    case 'EBUSY':
      return 'kernel.busy'
    case 'EOPNOTSUPP':
    case 'EAFNOSUPPORT':
    case 'EPROTONOSUPPORT':
      return 'kernel.unsupported'
    case 'EINVAL':
    case 'ERANGE':
      return 'kernel.invalid'
    default:
      return 'kernel.refused'
  }
}
