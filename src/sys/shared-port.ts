import { closeFd } from './descriptor.ts'
import { attempt } from './errors.ts'
import { native } from './native.ts'
import { type Netns, socketFor } from './netns.ts'

export interface SharedPortOptions {
  /** Of the receive and of the send queue, also above net.core.rmem_max if we have CAP_NET_ADMIN. */
  readonly bufferBytes: number
  /** Where to open it, entering for a moment (root); else in the process's own namespace. */
  readonly netns?: Netns
}

/**
 * A bound IPv4 UDP socket whose port others of the same user may share (SO_REUSEPORT): the kernel spreads the senders
 * over them. The descriptor is the caller's (`closeFd`). `sys.eaddrinuse` if somebody has the port who does not share.
 */
export function openSharedPort(address: string, port: number, options: SharedPortOptions): number {
  const op = `open UDP port ${port} of ${address}`
  const fd = attempt(op, () => socketFor(options.netns, 'inet', 'datagram'))
  try {
    attempt(op, () => native.datagramShare(fd, options.bufferBytes))
    attempt(op, () => native.datagramBind(fd, address, port))
    return fd
  } catch (error) {
    closeFd(fd)
    throw error
  }
}
