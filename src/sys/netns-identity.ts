import { closeFds } from './descriptor.ts'
import { attempt } from './errors.ts'
import { native } from './native.ts'

/**
 * A network namespace of which no more is at hand than what tells it from others: for what is done on the host alone. It
 * is held until `close`, as a `Netns` is.
 */
export class NetnsIdentity {
  readonly fds: { readonly netns: number; readonly route: number }
  /** SO_NETNS_COOKIE: unlike the inode never used again while the machine runs. */
  readonly cookie: bigint
  private closed = false

  /** Owns descriptors that another process passed from the call on: if `route` is no socket, both are closed. */
  constructor(fds: NetnsIdentity['fds']) {
    this.fds = fds
    try {
      this.cookie = attempt('read the namespace cookie', () => native.netnsCookie(fds.route))
    } catch (error) {
      this.close()
      throw error
    }
  }

  close(): void {
    if (this.closed) return
    this.closed = true
    closeFds([this.fds.netns, this.fds.route])
  }
}
