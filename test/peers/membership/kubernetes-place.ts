import { parseNetConf } from '../../../src/overlay/index.ts'
import { ApiPlace } from './api-place.ts'
import { NETWORK, NETWORK6 } from './names.ts'
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
    const six = this.isDual ? { EnableIPv6: true, IPv6Network: NETWORK6 } : {}
    const text = JSON.stringify({ Network: NETWORK, ...six, Backend: { Type: 'vxlan' } })
    const networkConfig = parseNetConf(text, { name: 'default', masquerade: true })
    return { ...(await super.membership(n, wire)), networkConfig }
  }

  protected blocksFor(n: number): readonly string[] {
    const four = `10.5.${n}.0/24`
    return this.isDual ? [four, `fd00:5:0:${n}::/64`] : [four]
  }
}
