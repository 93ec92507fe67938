import { bridgeOfBoth } from '../../attach/index.ts'
import { type Source, sameValue } from '../../derive/index.ts'
import { type BridgeLink, type Entry, entryKey } from '../../kernel/index.ts'

/**
 * What the attachments of a network share on the host: bridge, gateway addresses, forwarding, masquerade rules. It
 * outlives the last attachment, so that pods that come and go do not tear the bridge down between them, and goes
 * with GC or a restart when nothing of the network is left.
 */
export class NetworkEntries {
  private readonly source: Source<readonly Entry[]>
  /** What the source holds, by key. */
  private readonly networks = new Map<string, Map<string, Entry>>()

  /** @param source written here only */
  constructor(source: Source<readonly Entry[]>) {
    this.source = source
  }

  /** Adds what an attachment of the network needs; an entry under the same key takes the newer value. */
  use(network: string, entries: readonly Entry[]): void {
    if (entries.length === 0) return
    const present = this.networks.get(network) ?? new Map<string, Entry>()
    const fresh: string[] = []
    for (const entry of entries) {
      const key = entryKey(entry)
      if (sameValue(present.get(key), entry)) continue
      present.set(key, entry)
      fresh.push(key)
    }
    // As with each pod of a network but the first.
    if (fresh.length === 0) return
    this.write(network, present)
    for (const key of fresh) if (isBridge(present.get(key))) this.agreeOn(key)
  }

  /** Networks on one bridge may be in VLANs of their own: it takes part in those of all. */
  private agreeOn(key: string): void {
    const wanted = new Map<string, BridgeLink>()
    for (const [network, entries] of this.networks) {
      const bridge = entries.get(key)
      if (isBridge(bridge)) wanted.set(network, bridge)
    }
    if (wanted.size < 2) return
    for (const [network, own] of wanted) {
      const all = [...wanted.values()].reduce((bridge, other) => bridgeOfBoth(other, bridge), own)
      this.write(network, new Map(this.networks.get(network)).set(key, all))
    }
  }

  /** Drops what is not under the key of one of these, for when no attachment of the network is left. */
  retain(network: string, entries: readonly Entry[]): void {
    const keys = new Set(entries.map(entryKey))
    const present = [...(this.networks.get(network) ?? [])].filter(([key]) => keys.has(key))
    this.write(network, new Map(present))
  }

  /** Drops the network and returns the keys of its entries. */
  forget(network: string): string[] {
    const keys = [...(this.networks.get(network)?.keys() ?? [])]
    this.networks.delete(network)
    this.source.delete(network)
    return keys
  }

  private write(network: string, entries: Map<string, Entry>): void {
    this.networks.set(network, entries)
    this.source.set(network, [...entries.values()])
  }
}

function isBridge(entry: Entry | undefined): entry is BridgeLink {
  return entry?.kind === 'link' && entry.type === 'bridge'
}
