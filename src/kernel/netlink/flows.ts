import { hasCode } from '../../base/index.ts'
import {
  decodeFlow,
  deleteFlow,
  type FlowFilter,
  listFlows,
  type Message,
  type NetlinkClient,
} from '../../netlink/index.ts'

/** Returns how many. @throws NetlinkError if the kernel refuses */
export async function forgetFlows(client: NetlinkClient, filters: readonly FlowFilter[]): Promise<number> {
  let forgotten = 0
  for (const filter of filters) {
    const flows = (await tracked(client, filter)).map(decodeFlow)
    for (const reply of await client.send(flows.map(deleteFlow))) {
      if (reply.ok) forgotten += 1
      // It has ended by itself meanwhile.
      else if (!hasCode(reply.error, 'netlink.enoent')) throw reply.error
    }
  }
  return forgotten
}

/** A kernel that cannot be asked tracks nothing: nobody speaks for the subsystem. */
async function tracked(client: NetlinkClient, filter: FlowFilter): Promise<readonly Message[]> {
  try {
    return await client.dump(listFlows(filter))
  } catch (error) {
    if (hasCode(error, 'netlink.einval') || hasCode(error, 'netlink.eopnotsupp')) return []
    throw error
  }
}
