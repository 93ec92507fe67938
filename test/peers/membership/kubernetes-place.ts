import { parseNetConf } from '../../../src/overlay/index.ts'
import { ApiPlace } from './api-place.ts'
import { NETWORK } from './names.ts'
import type { Membership, PlaceOptions } from './place.ts'
import type { Wire } from './wire.ts'

/**
 * A cluster of Kubernetes as flannel finds it: blocks are given by kube-controller-manager, the network stands in
 * net-conf.json, and nobody knows our kinds.
 */
export class KubernetesPlace extends ApiPlace {
  static async start(options: PlaceOptions): Promise<KubernetesPlace> {
    const place = new KubernetesPlace(options)
    await place.listen()
    return place
  }

  protected override async membership(n: number, wire: Wire): Promise<Membership> {
    const text = JSON.stringify({ Network: NETWORK, Backend: { Type: 'vxlan' } })
    const networkConfig = parseNetConf(text, { name: 'default', masquerade: true })
    return { ...(await super.membership(n, wire)), networkConfig }
  }

  protected blockFor(n: number): string {
    return `10.5.${n}.0/24`
  }
}
