import { podlaceBridge } from '../../attach/index.ts'
import { checkPodlaceKeys, cniError } from '../../cni/index.ts'
import type { AddressSource, Lease } from '../addresses/source.ts'
import type { AttachmentRecord } from '../attachments/record.ts'
import { attach } from './interface.ts'
import { type Plugin, refuseLoopback } from './plugin.ts'
import { attachmentSpec, type HostFacts } from './spec.ts'

/** The pod network as this node has it. */
export interface PodNetwork {
  readonly bridge: string
  /** Bytes: what the overlay leaves of the uplink's. */
  readonly mtu: number
}

export interface PodlacePluginOptions {
  readonly host: HostFacts
  /** The node's own address pool. */
  readonly addresses: AddressSource
  /** Throws in words while the node has no pod network. */
  readonly network: () => PodNetwork
}

/** Our own type: nothing to configure, the agent knows bridge, addresses and MTU. */
export function podlacePlugin({ host, addresses, network }: PodlacePluginOptions): Plugin {
  return {
    usesBlocks: true,
    isChained: false,
    prepare: async (call, pod, begin) => {
      checkPodlaceKeys(call.config)
      refuseLoopback(call)
      const fault = await addresses.fault()
      if (fault !== undefined) throw cniError('try-again-later', 'attach', fault)
      const { bridge, mtu } = network()
      const config = podlaceBridge({ bridge, mtu })
      const make = (lease: Lease): AttachmentRecord => ({
        type: 'podlace',
        netnsCookie: String(pod.cookie),
        wiring: { plan: 'bridge', spec: { ...attachmentSpec(call, pod, lease, host), config } },
        addresses: { source: 'node' },
      })
      return attach({ call, source: addresses, make, begin })
    },
    addresses: () => addresses,
    delegated: () => undefined,
  }
}
