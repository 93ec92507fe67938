import { PodlaceError } from '../../base/index.ts'
import { formatAddress, parseInterfaceAddress } from '../../ip/index.ts'
import type { ObservedEntry } from '../../kernel/index.ts'

/** Routing table `main`. */
const MAIN = 254

/**
 * The first IPv4 address of the uplink, which is the device of the default route unless it is named.
 *
 * @throws PodlaceError `agent.config` if there is none
 */
export function uplinkAddressOf(observed: Iterable<ObservedEntry>, uplink: string | undefined): string {
  const all = [...observed]
  const routes = all.flatMap(({ entry }) =>
    entry.kind === 'route' && entry.dst === '0.0.0.0/0' && entry.table === MAIN ? [entry] : [],
  )
  const device = uplink ?? routes.toSorted((a, b) => a.metric - b.metric)[0]?.link
  // In the kernel's order: the node's own comes before those that were added to it, such as a virtual one.
  for (const { entry } of all) {
    if (entry.kind !== 'address' || entry.link !== device || (entry.scope ?? 'global') !== 'global') continue
    const { address } = parseInterfaceAddress(entry.address)
    if (address.family === 4) return formatAddress(address)
  }
  const where = device === undefined ? 'there is no default route' : `${device} has no IPv4 address`
  throw new PodlaceError(
    'find the address of this node',
    `${where}: say it with --uplink-address, or --uplink`,
    {
      code: 'agent.config',
    },
  )
}
