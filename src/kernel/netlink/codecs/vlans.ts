import {
  addBridgeVlans,
  deleteBridgeVlans,
  type BridgeVlan as KernelVlan,
  type Request,
} from '../../../netlink/index.ts'
import type { BridgeVlan, LinkEntry } from '../../entry.ts'
import { vlanChanges } from '../../kinds/vlans.ts'

/** What makes the VLANs of a link what they shall be; `seen` are all that it has. New ones come first. */
export function vlanRequests(
  link: LinkEntry,
  wanted: readonly BridgeVlan[],
  index: number,
  seen: readonly BridgeVlan[],
): Request[] {
  const target = { index, self: link.type === 'bridge' }
  const { add, remove } = vlanChanges(link, wanted, seen)
  const requests: Request[] = []
  if (add.length > 0) requests.push(addBridgeVlans(target, add.map(withFlags)))
  if (remove.length > 0) requests.push(deleteBridgeVlans(target, remove.map(withFlags)))
  return requests
}

function withFlags({ id, pvid = false, untagged = false }: BridgeVlan): KernelVlan {
  return { id, pvid, untagged }
}
