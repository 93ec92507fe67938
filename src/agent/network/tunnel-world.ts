import { availableParallelism } from 'node:os'
import type { Clock } from '../../base/index.ts'
import { decodeLink, getLink, NetlinkClient } from '../../netlink/index.ts'
import type { Netns } from '../../sys/index.ts'
import {
  MAX_QUEUES,
  openTunnelQueues,
  startTunnelProcess,
  TunnelClient,
  type TunnelEndpoint,
  type TunnelQueues,
  tunnelProgram,
} from '../../tunnel/index.ts'

export type TunnelControl = Pick<TunnelClient, 'configure' | 'setTable' | 'status' | 'onClose' | 'close'>

/** The tunnel process of one node, as its agent may touch it. */
export interface TunnelWorld {
  /** @throws SysError `sys.enoent` or `sys.econnrefused` if there is no process */
  connect(): TunnelControl
  /** Starts a process that outlives the agent. */
  start(): Promise<void>
  /** Asks the process to end. @param pid as it gave it */
  end(pid: number): void
  /** Descriptors to configure it with. */
  openQueues(device: string, endpoint: TunnelEndpoint): TunnelQueues
  /** Index of a device of the node; undefined if there is none. */
  deviceIndex(device: string): Promise<number | undefined>
}

export interface TunnelWorldOptions {
  /** Where the process listens. */
  readonly socketPath: string
  /** The node's namespace, with sockets that nobody else uses. */
  readonly netns: Netns
  /** The process is not in the namespace itself, and has to enter it (root). Default false. */
  readonly entersNamespace?: boolean
  readonly clock: Clock
}

export function tunnelWorld({ socketPath, netns, entersNamespace, clock }: TunnelWorldOptions): TunnelWorld {
  const links = new NetlinkClient(netns.route)
  const count = Math.min(availableParallelism(), MAX_QUEUES)
  const where = entersNamespace === true ? { netns } : {}
  return {
    connect: () => TunnelClient.connect(socketPath, clock),
    start: async () => {
      await startTunnelProcess({ program: tunnelProgram(), socketPath, clock })
    },
    end: pid => void process.kill(pid, 'SIGTERM'),
    openQueues: (device, endpoint) => openTunnelQueues({ device, endpoint, count, ...where }),
    deviceIndex: async name => {
      const [reply] = await links.send([getLink({ name })])
      return reply?.ok === true ? reply.messages.map(decodeLink)[0]?.index : undefined
    },
  }
}
