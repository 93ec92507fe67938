import type { BridgeVlan, LinkEntry } from '../entry.ts'

/** What is to be done to the VLANs of a port, or of a bridge itself. */
export interface VlanChanges {
  /** To be added, or to have other flags: the kernel takes both in one way. */
  readonly add: readonly BridgeVlan[]
  readonly remove: readonly BridgeVlan[]
}

/** The VLANs that a link shall have, as a port or as a bridge. */
export function vlansWanted(link: LinkEntry): readonly BridgeVlan[] | undefined {
  return link.type === 'bridge' ? link.vlans : link.bridgePort?.vlans
}

/** `seen` absent: not known, so all that is wanted is said. The VLANs of a link that is not ours stay. */
export function vlanChanges(
  { claim }: LinkEntry,
  wanted: readonly BridgeVlan[] | undefined,
  seen: readonly BridgeVlan[] = [],
): VlanChanges {
  if (wanted === undefined) return { add: [], remove: [] }
  const before = new Map(seen.map(vlan => [vlan.id, vlan]))
  const kept = new Set(wanted.map(({ id }) => id))
  return {
    add: wanted.filter(vlan => !isSame(vlan, before.get(vlan.id))),
    remove: claim === 'own' ? seen.filter(({ id }) => !kept.has(id)) : [],
  }
}

/** True if nothing is to be changed. */
export function sameVlans(
  link: LinkEntry,
  wanted: readonly BridgeVlan[] | undefined,
  seen: readonly BridgeVlan[] | undefined,
): boolean {
  if (wanted === undefined) return true
  const { add, remove } = vlanChanges(link, wanted, seen)
  return seen !== undefined && add.length === 0 && remove.length === 0
}

function isSame(wanted: BridgeVlan, seen: BridgeVlan | undefined): boolean {
  const { pvid = false, untagged = false } = wanted
  return seen !== undefined && pvid === (seen.pvid ?? false) && untagged === (seen.untagged ?? false)
}
