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

  constructor(source: Source<readonly Entry[]>) {
    this.source = source
  }

  /** Adds what an attachment of the network needs; an entry under the same key takes the newer value. */
  use(network: string, entries: readonly Entry[]): void {
    if (entries.length === 0) return
    const merged = new Map<string, Entry>()
    for (const entry of this.source.get(network) ?? []) merged.set(entryKey(entry), entry)
    const fresh: Entry[] = []
    for (const entry of entries) {
      const key = entryKey(entry)
      if (sameValue(merged.get(key), entry)) continue
      fresh.push(entry)
      merged.set(key, entry)
    }
    // From the second pod of a network on.
    if (fresh.length === 0) return
    this.source.set(network, [...merged.values()])
    for (const entry of fresh) if (isBridge(entry)) this.agreeOn(entryKey(entry))
  }

  /** Networks on one bridge may be in VLANs of their own: it takes part in those of all. */
  private agreeOn(key: string): void {
    const wanted = new Map<string, BridgeLink>()
    for (const [network, entries] of this.source.entries()) {
      const bridge = entries.find(entry => entryKey(entry) === key)
      if (bridge !== undefined && isBridge(bridge)) wanted.set(network, bridge)
    }
    if (wanted.size < 2) return
    for (const [network, own] of wanted) {
      const all = [...wanted.values()].reduce((bridge, other) => bridgeOfBoth(other, bridge), own)
      const entries = this.source.get(network) ?? []
      this.source.set(
        network,
        entries.map(entry => (entry === own ? all : entry)),
      )
    }
  }

  /** Drops what is not under the key of one of these, for when no attachment of the network is left. */
  retain(network: string, entries: readonly Entry[]): void {
    const keys = new Set(entries.map(entryKey))
    const present = this.source.get(network)?.filter(entry => keys.has(entryKey(entry))) ?? []
    this.source.set(network, present)
  }

  /** Drops the network and returns the keys of its entries. */
  forget(network: string): string[] {
    const keys = (this.source.get(network) ?? []).map(entryKey)
    this.source.delete(network)
    return keys
  }
}

function isBridge(entry: Entry): entry is BridgeLink {
  return entry.kind === 'link' && entry.type === 'bridge'
}
