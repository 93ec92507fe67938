import { PodlaceError } from '../../base/index.ts'
import { familyOf } from '../../ip/index.ts'
import type { ObservedEntry } from '../../kernel/index.ts'
import { findUplink } from '../network/uplink.ts'

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
  const found = device === undefined ? undefined : findUplink(all, { device })
  const address = found?.addresses.find(text => familyOf(text.split('/')[0] ?? '') === 4)
  if (address !== undefined) return address.split('/')[0] ?? address
  const where = device === undefined ? 'there is no default route' : `${device} has no IPv4 address`
  throw new PodlaceError(
    'find the address of this node',
    `${where}: say it with --uplink-address, or --uplink`,
    {
      code: 'agent.config',
    },
  )
}
