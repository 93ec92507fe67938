/** Links as iproute2 describes them, without what is chosen freely. */
import { type Json, jsonAt, jsonList, omit, pick } from './json.ts'

/** Without what follows from the operational state, which the kernel tells up to a second late. */
function flagsOf({ flags }: Json): unknown {
  return Array.isArray(flags) ? flags.filter(flag => flag !== 'NO-CARRIER') : flags
}

export function linkState(link: Json): Json {
  const addresses = jsonList(link['addr_info']).filter(address => address['scope'] !== 'link')
  return {
    ...pick(link, ['mtu', 'qdisc', 'promiscuity']),
    flags: flagsOf(link),
    kind: jsonAt(link, 'linkinfo')['info_kind'],
    addresses: addresses.map(address => pick(address, ['local', 'prefixlen', 'scope'])),
  }
}

/** Fields of a bridge port that are numbers of its place, MACs, or clocks. */
const PORT_CHOICES = /_id$|^id$|^no$|_timer|^designated|_cost$|^group_fwd/

export function portState(port: Json): Json {
  const settings = jsonAt(port, 'linkinfo', 'info_slave_data')
  return {
    ...linkState(port),
    settings: omit(
      settings,
      Object.keys(settings).filter(key => PORT_CHOICES.test(key)),
    ),
  }
}
