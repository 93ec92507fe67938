import { attachmentOwner, type PortClaims, type PortMapping, type PortmapSpec } from '../../attach/index.ts'
import { type Holder, holderKey } from '../addresses/source.ts'
import type { AttachmentRecord } from './record.ts'

/** What the records of the journal come to, counted as they come and go: no ADD has to look at those of all pods. */
export class LiveRecords {
  private readonly byNetwork = new Map<string, number>()
  private readonly byHostPort = new Map<number, Set<PortmapSpec>>()

  /** One takes the place of another; undefined for none. */
  replace(before: AttachmentRecord | undefined, after: AttachmentRecord | undefined): void {
    if (before !== undefined) this.count(before, -1)
    if (after !== undefined) this.count(after, 1)
  }

  /** Some attachment is of this network. */
  hasNetwork(network: string): boolean {
    return this.byNetwork.has(network)
  }

  /** Whose ports of the host have a number of these; not the interface's own. */
  portClaims(own: Holder, wanted: readonly PortMapping[]): readonly PortClaims[] {
    const claims: PortClaims[] = []
    for (const { hostPort } of wanted) {
      for (const spec of this.byHostPort.get(hostPort) ?? []) {
        if (holderKey(spec) === holderKey(own)) continue
        claims.push({ owner: attachmentOwner(spec), portMappings: spec.config.portMappings })
      }
    }
    return claims
  }

  private count({ wiring: { plan, spec } }: AttachmentRecord, step: 1 | -1): void {
    const count = (this.byNetwork.get(spec.network) ?? 0) + step
    if (count === 0) this.byNetwork.delete(spec.network)
    else this.byNetwork.set(spec.network, count)
    if (plan !== 'portmap') return
    for (const { hostPort } of spec.config.portMappings) {
      const specs = this.byHostPort.get(hostPort) ?? new Set()
      if (step === 1) specs.add(spec)
      else specs.delete(spec)
      if (specs.size === 0) this.byHostPort.delete(hostPort)
      else this.byHostPort.set(hostPort, specs)
    }
  }
}
