import { closeFd, type Netns, openSharedPort, openTun } from '../sys/index.ts'
import type { TunnelEndpoint, TunnelQueue } from './messages.ts'

export interface QueueOptions {
  /** The TUN device, made if it is not there; one that is must be of several queues (`ip tuntap ... multi_queue vnet_hdr`). */
  readonly device: string
  /** This node's own outer address, and the port on which it hears its peers. */
  readonly endpoint: TunnelEndpoint
  /** 1 to 16: as many as processors that shall carry packets. */
  readonly count: number
  /** Where both lie, entering for a moment (root); else in the process's own namespace. */
  readonly netns?: Netns
}

/** Descriptors for `TunnelClient.configure`; close them once the process has them. */
export interface TunnelQueues extends Disposable {
  readonly queues: readonly TunnelQueue[]
  close(): void
}

/**
 * Of the receive queue of a socket. A TCP connection may have 6 MB on the way (net.ipv4.tcp_rmem), and whatever the
 * queue cannot take is sent again.
 */
const BUFFER_BYTES = 8 << 20

/**
 * Opens what the process carries packets with. Needs CAP_NET_ADMIN. The device lives as long as anybody has a queue of
 * it; its address, MTU and routes are the caller's, and so is `net.ipv4.conf.<device>.accept_local`: the ICMP errors of
 * the tunnel come from its own address, and without it the kernel drops them.
 *
 * @throws SysError `sys.einval` if a device of this name is of another kind, `sys.eaddrinuse` if the port is taken
 */
export function openTunnelQueues({ device, endpoint, count, netns }: QueueOptions): TunnelQueues {
  const fds: number[] = []
  const close = () => {
    for (const fd of fds.splice(0)) closeFd(fd)
  }
  const where = netns === undefined ? {} : { netns }
  const keep = (fd: number) => {
    fds.push(fd)
    return fd
  }
  try {
    const queues = Array.from({ length: count }, () => ({
      tunFd: keep(openTun(device, { ...where, multiQueue: true, offloadHeader: true }).fd),
      udpFd: keep(openSharedPort(endpoint.address, endpoint.port, { ...where, bufferBytes: BUFFER_BYTES })),
    }))
    return { queues, close, [Symbol.dispose]: close }
  } catch (error) {
    close()
    throw error
  }
}
