import { cniError } from '../../cni/index.ts'
import { ForeignPlugin } from '../foreign-plugin.ts'
import type { Lease } from './source.ts'

/** Address management by a plugin of somebody else. */
export class DelegatedAddresses extends ForeignPlugin {
  async lease(): Promise<Lease> {
    const { ips, routes, dns } = await this.add()
    if (ips.length > 0) return { ips: ips.map(({ interface: _index, ...ip }) => ip), routes, dns }
    throw cniError('internal', `run plugin ${this.name}`, `plugin ${this.name} gave no address`)
  }

  /** `dhcp` gives back through the pod's interface; without a shim it has to do without. */
  override get releasesFirst(): boolean {
    return this.name === 'dhcp' && this.execute !== undefined
  }
}
