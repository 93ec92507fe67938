import { type Family, parseAddress } from '../ip/index.ts'
import { NamespaceView } from './view.ts'
import { Walk } from './walk.ts'
import type { Trace, TraceWorld } from './world.ts'

/** Loopback and link-local addresses (IPv6 fe80::/10) are no way to be reached. */
function usable(text: string): boolean {
  const { family, value } = parseAddress(text)
  return family === 4 ? value >> 24n !== 127n : value !== 1n && value >> 118n !== 0x3fan
}

/**
 * Follows one packet from pod to pod through the entries of every namespace on its way, without sending any. It
 * knows the main routing table, permanent neighbours, FDB entries, bridges, veth pairs, vxlan, ipip and WireGuard; it does not
 * know policy rules or filters, nor what the process of a UDP tunnel does. What is lost ends with a step that says what is missing.
 *
 * @param packet names of the two pods' namespaces; the family is IPv4 if both have it
 */
export function tracePacket(
  world: TraceWorld,
  packet: { readonly fromPod: string; readonly toPod: string; readonly family?: Family },
): Trace {
  const views = new Map(world.namespaces.map(one => [one.name, new NamespaceView(one)]))
  const from = views.get(packet.fromPod)
  const to = views.get(packet.toPod)
  if (from === undefined || to === undefined) {
    const name = from === undefined ? packet.fromPod : packet.toPod
    return lost(`pod ${name}`, `there is no pod ${name}`)
  }
  const families = packet.family === undefined ? ([4, 6] as const) : [packet.family]
  for (const family of families) {
    const source = from.addresses(family).find(usable)
    const destination = to.addresses(family).find(usable)
    if (source === undefined || destination === undefined) continue
    const walk = new Walk(world, views, { source, destination, family, goal: to.name })
    const verdict = walk.run(from)
    return { steps: walk.steps, verdict }
  }
  const what = packet.family === undefined ? 'addresses of one family' : `IPv${packet.family} addresses`
  return lost(`pod ${to.name}`, `pod ${from.name} and pod ${to.name} do not both have ${what}`)
}

function lost(where: string, what: string): Trace {
  return { steps: [{ where, what, because: [] }], verdict: 'unreachable' }
}
