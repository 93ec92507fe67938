import { bridge } from './bridge.ts'
import { ipip } from './ipip.ts'
import { ipvlan } from './ipvlan.ts'
import type { InfoOf, LinkKind } from './kind.ts'
import { macvlan } from './macvlan.ts'
import { dummy, ifb, wireguard } from './plain.ts'
import { tun } from './tun.ts'
import { veth } from './veth.ts'
import { vlan } from './vlan.ts'
import { vrf } from './vrf.ts'
import { vxlan } from './vxlan.ts'

/** Every kind that has typed attributes. To add one: a file beside this one, and its name here. */
const linkKinds = [veth, bridge, vxlan, macvlan, ipvlan, vlan, dummy, vrf, ifb, tun, ipip, wireguard] as const

/** Kind and attributes of a link, told apart by `kind`. */
export type LinkInfo = InfoOf<(typeof linkKinds)[number]>

const byKind: ReadonlyMap<string, LinkKind<string, object>> = new Map(
  linkKinds.map(kind => [kind.kind, kind]),
)

/** The kind of this name, or undefined for one that only the kernel knows. */
export function linkKindNamed(name: string): LinkKind<string, object> | undefined {
  return byKind.get(name)
}
