import { silentLogger } from '../../../src/base/index.ts'
import { PodCidrController } from '../../../src/controller/index.ts'
import { ApiPlace } from './api-place.ts'
import { LEASE_SECONDS, NETWORK, NETWORK6 } from './names.ts'
import type { PlaceOptions } from './place.ts'
import { Wire } from './wire.ts'

const CONFIGS = '/apis/podlace.dev/v1alpha1/networkconfigs'

/** A cluster of our own: the network is an object, and our controller claims a PodBlock for each node. */
export class EmbeddedPlace extends ApiPlace {
  private controller: PodCidrController | undefined
  private wire: Wire | undefined

  static async start(options: PlaceOptions): Promise<EmbeddedPlace> {
    const place = new EmbeddedPlace(options)
    await place.listen()
    await place.control()
    return place
  }

  async changeVni(vni: number): Promise<void> {
    const patch = { spec: { backend: { type: 'vxlan', vni } } }
    await this.request('PATCH', `${CONFIGS}/default`, patch, 'application/merge-patch+json')
  }

  protected blocksFor(): readonly string[] {
    return []
  }

  protected override async end(): Promise<void> {
    await this.controller?.stop()
    await this.wire?.[Symbol.asyncDispose]()
    await super.end()
  }

  private async control(): Promise<void> {
    const six = this.isDual ? { ipv6Network: NETWORK6 } : {}
    await this.request('POST', CONFIGS, {
      apiVersion: 'podlace.dev/v1alpha1',
      kind: 'NetworkConfig',
      metadata: { name: 'default' },
      spec: {
        network: NETWORK,
        ...six,
        backend: { type: 'vxlan', vni: 1 },
        blockCooldownSeconds: LEASE_SECONDS,
      },
    })
    this.wire = await Wire.to(() => this.port)
    const { clock } = this
    const store = this.client(this.wire)
    this.controller = new PodCidrController({ store, clock, random: Math.random, log: silentLogger })
    this.controller.start()
  }
}
