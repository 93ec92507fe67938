/**
 * Gives the UDP tunnel process of a fake host its queues and its table, as the agent does; runs inside the host.
 *
 *   udp-carry.ts '{"socketPath": ..., "address": ..., "block": 1, "peers": [{"address": ..., "block": 2}]}'
 */
import process from 'node:process'
import { systemClock } from '../../src/base/index.ts'
import { openTunnelQueues, TunnelClient } from '../../src/tunnel/index.ts'

export const UDP_DEVICE = 'flannel0'
/** flannel's. */
export const UDP_PORT = 8285
const MTU = 1472

/** A node's block is `10.244.<block>.0/24`. */
export interface Carried {
  readonly socketPath: string
  readonly address: string
  readonly block: number
  readonly peers: readonly { readonly address: string; readonly block: number }[]
}

async function carry({ socketPath, address, block, peers }: Carried): Promise<void> {
  using client = TunnelClient.connect(socketPath, systemClock)
  using opened = openTunnelQueues({ device: UDP_DEVICE, endpoint: { address, port: UDP_PORT }, count: 1 })
  await client.configure({
    revision: 1n,
    tunnelAddress: `10.244.${block}.0`,
    mtu: MTU,
    queues: opened.queues,
  })
  await client.setTable({
    revision: 1n,
    localPrefixes: [`10.244.${block}.0/24`],
    peers: peers.map(peer => ({
      address: peer.address,
      port: UDP_PORT,
      prefixes: [`10.244.${peer.block}.0/24`],
    })),
  })
}

// What asks for this is our own benchmark.
if (import.meta.main) await carry(JSON.parse(process.argv[2] ?? '') as Carried)
