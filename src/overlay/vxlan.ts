import { addressBits, type Family, firstAddress, formatAddress, parsePrefix } from '../ip/index.ts'
import type { Entry } from '../kernel/index.ts'
import { directRoute, isOnLink, onlinkRoute } from './direct-routing.ts'
import { familyMtu } from './mtu.ts'
import { type OverlaySelf, type OwnBlock, type PeerFamily, vtepMac } from './node.ts'
import type { VxlanSettings } from './settings.ts'
import { sysctl } from './sysctls.ts'

/** `flannel.1`, and `flannel-v6.1` for IPv6: names that flannel's users and tools know. */
export function vxlanDeviceName(vni: number, family: Family): string {
  return family === 4 ? `flannel.${vni}` : `flannel-v6.${vni}`
}

/** What one family of this node needs: the device, its address and its sysctls. */
export function vxlanNode(
  settings: VxlanSettings,
  self: OverlaySelf,
  own: OwnBlock,
  local: string,
): readonly Entry[] {
  const { family, block } = own
  const name = vxlanDeviceName(settings.vni, family)
  const base = formatAddress(firstAddress(block))
  return [
    {
      kind: 'link',
      type: 'vxlan',
      claim: 'own',
      name,
      owner: 'overlay',
      up: true,
      mtu: familyMtu(settings, self.uplink.mtu, family),
      mac: vtepMac(self, family),
      vni: settings.vni,
      udpPort: settings.port,
      local,
      device: self.uplink.device,
      learning: settings.learning,
      gbp: settings.gbp,
    },
    ...deviceSysctls(name, family, self.hasIpv6 ?? true),
    { kind: 'address', link: name, address: `${base}/${addressBits(family)}` },
  ]
}

function deviceSysctls(name: string, family: Family, hasIpv6: boolean): readonly Entry[] {
  const entries: Entry[] = []
  // The largest of `all` and the device counts, and 2 (loose, RFC 3704) is the largest: a packet of a peer may come
  // encapsulated while our way back is direct, as long as the two ends change at different times.
  if (family === 4) entries.push(sysctl(`ipv4/conf/${name}/rp_filter`, 2))
  if (hasIpv6) {
    // No router speaks on this link. Mode 1 (IN6_ADDR_GEN_MODE_NONE): no link-local address either, since a second
    // VTEP of one MAC would be a duplicate of it.
    entries.push(sysctl(`ipv6/conf/${name}/accept_ra`, 0), sysctl(`ipv6/conf/${name}/addr_gen_mode`, 1))
  }
  return entries
}

/**
 * What one family of a peer needs. Encapsulated: its block is behind its base address, which has the VTEP's MAC,
 * which is at its public address. On the same link, with direct routing: a plain route.
 */
export function vxlanPeer(
  settings: VxlanSettings,
  self: OverlaySelf,
  family: Family,
  peer: PeerFamily & { readonly vtepMac: string },
): readonly Entry[] {
  if (settings.directRouting && isOnLink(self.uplink, peer.publicAddress)) {
    return [directRoute(self.uplink, family, peer)]
  }
  const link = vxlanDeviceName(settings.vni, family)
  const base = formatAddress(firstAddress(parsePrefix(peer.podCidr)))
  return [
    { kind: 'neighbour', link, address: base, mac: peer.vtepMac },
    { kind: 'fdb', link, mac: peer.vtepMac, dst: peer.publicAddress },
    onlinkRoute(family, peer.podCidr, base, link),
  ]
}
