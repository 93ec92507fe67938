import type { Draft, NetworkConfig, Node } from '../../model/index.ts'
import { isStoreError } from '../../store/index.ts'
import type { Knobs } from '../scenario.ts'
import type { SimServer } from '../wire/index.ts'
import type { Machine } from './machine.ts'

/** Whoever creates and deletes objects in a cluster beside us: kubelets and administrators. */
export class People {
  private readonly server: SimServer

  constructor(server: SimServer) {
    this.server = server
  }

  /** Also again, after a backup from before it was put back. */
  async createNetwork(knobs: Knobs): Promise<void> {
    await unless('store.exists', this.server.store.create('NetworkConfig', networkConfig(knobs)))
  }

  /** As the kubelet of a machine does when it starts. */
  register({ nodeName, address }: Machine): Promise<void> {
    return this.createNode(nodeName, address)
  }

  /** As the kubelet does later: the address is that of its machine, whatever it was. */
  async readdress({ nodeName, address }: Machine): Promise<void> {
    const patch = { status: { addresses: [{ type: 'InternalIP', address }] } }
    await unless('store.not-found', this.server.store.patchStatus('Node', nodeName, patch))
  }

  async deleteNode({ nodeName }: Machine): Promise<void> {
    await unless('store.not-found', this.server.store.delete('Node', nodeName))
  }

  /** A node joins that nothing is known of but its object. */
  async addStranger({ backend }: Knobs): Promise<void> {
    await this.createNode('stranger', '192.168.77.200')
    const annotations = {
      'flannel.alpha.coreos.com/backend-type': backend === 'host-gw' ? 'host-gw' : 'vxlan',
      'flannel.alpha.coreos.com/backend-data': JSON.stringify({ VNI: 1, VtepMAC: '02:77:00:00:00:01' }),
      'flannel.alpha.coreos.com/public-ip': '192.168.77.200',
      'flannel.alpha.coreos.com/kube-subnet-manager': 'true',
    }
    await this.server.store.patch('Node', 'stranger', { metadata: { annotations } })
  }

  private async createNode(name: string, address: string): Promise<void> {
    const draft: Draft<Node> = {
      metadata: { name },
      spec: {},
      status: { addresses: [{ type: 'InternalIP', address }] },
    }
    await unless('store.exists', this.server.store.create('Node', draft))
  }
}

function networkConfig(knobs: Knobs): Draft<NetworkConfig> {
  const { backend, blockLength, blocks, blockCooldownSeconds } = knobs
  // The first block of a network is never given out, and a network is at most /28.
  const length = Math.min(28, blockLength - Math.ceil(Math.log2(blocks + 1)))
  return {
    metadata: { name: 'default' },
    spec: {
      network: `10.244.0.0/${length}`,
      subnetLength: blockLength,
      blockCooldownSeconds,
      backend:
        backend === 'host-gw'
          ? { type: 'host-gw' }
          : { type: 'vxlan', directRouting: backend === 'direct-routing' },
    },
  }
}

async function unless(code: 'store.exists' | 'store.not-found', work: Promise<unknown>): Promise<void> {
  try {
    await work
  } catch (error) {
    if (!isStoreError(error, code)) throw error
  }
}
