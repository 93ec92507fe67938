import { OwnedFd } from './descriptor.ts'
import { attempt } from './errors.ts'
import { native } from './native.ts'
import type { Netns } from './netns.ts'

export interface TunOptions {
  /** Several processes or calls may open the same device, a queue each (IFF_MULTI_QUEUE). */
  readonly multiQueue?: boolean
  /** The device stays when the last descriptor is closed (TUNSETPERSIST). */
  readonly persistent?: boolean
  /** Where to make it, entering for a moment (root); else in the process's own namespace. */
  readonly netns?: Netns
}

/**
 * One queue of a TUN device: each read and write is one IP packet, without a header before it (IFF_NO_PI).
 */
export interface Tun {
  /** Non-blocking. */
  readonly fd: number
  readonly name: string
  close(): void
}

/**
 * Makes or attaches to a TUN device, as `ip tuntap add dev <name> mode tun`; an empty name lets the kernel
 * choose. Needs CAP_NET_ADMIN and /dev/net/tun. `sys.ebusy` if somebody has it, `sys.einval` if a link of
 * another kind does.
 */
export function openTun(name: string, options: TunOptions = {}): Tun {
  const { multiQueue = false, persistent = false, netns } = options
  const op = `open TUN device ${name}`
  const [fd, given] = attempt(op, () => native.tunOpen(netns?.fds.netns ?? -1, name, multiQueue, persistent))
  const owned = new OwnedFd(fd, `TUN device ${given}`)
  return {
    get fd() {
      return owned.fd
    },
    name: given,
    close: () => owned.close(),
  }
}
