import { attempt, sysError } from './errors.ts'
import { native } from './native.ts'

/**
 * Closes a descriptor that nobody will use again. `sys.ebadf` if it is not open: then somebody closed it
 * twice.
 */
export function closeFd(fd: number): void {
  attempt('close a descriptor', () => native.fileClose(fd))
}

/** Closes several; negative ones are absent ones. */
export function closeFds(fds: Iterable<number>): void {
  for (const fd of fds) if (fd >= 0) closeFd(fd)
}

/** A descriptor with one owner: closing twice is harmless, using it after closing is `sys.closed`. */
export class OwnedFd {
  private value: number
  private readonly what: string

  /** `what` names it in errors: `netlink socket`. */
  constructor(fd: number, what: string) {
    this.value = fd
    this.what = what
  }

  get closed(): boolean {
    return this.value < 0
  }

  get fd(): number {
    if (this.value < 0) throw sysError('sys.closed', `use ${this.what}`, `the ${this.what} is closed already`)
    return this.value
  }

  close(): void {
    const fd = this.value
    this.value = -1
    if (fd >= 0) closeFd(fd)
  }
}
