import * as v from 'valibot'
import { issuesText } from '../base/index.ts'
import {
  addressBits,
  type Family,
  firstAddress,
  formatAddress,
  linkNameFault,
  parsePrefix,
  tryParseMac,
} from '../ip/index.ts'
import type { Entry } from '../kernel/index.ts'
import type { BackendConfig, VxlanBackend } from '../model/index.ts'
import { type Backend, eachSide, type LocalBlock, type PeerSide } from './backend.ts'
import { directRoute, isOnLink, onlinkRoute } from './direct-routing.ts'
import { type OverlaySelf, type PeerData, vtepMac } from './node.ts'
import { deviceSysctls } from './sysctls.ts'

/**
 * What vxlan adds to a packet: outer IP header (20 or 40) + UDP (8) + vxlan (8) + inner Ethernet (14) (RFC 7348,
 * section 5). The outer Ethernet header does not count against the uplink's MTU.
 */
const OVERHEAD: Readonly<Record<Family, number>> = { 4: 50, 6: 70 }

interface Settings extends Omit<Required<VxlanBackend>, 'type' | 'mtu'> {
  readonly deviceName: (family: Family) => string
}

/** flannel's: the kernel's historic port. */
const VNI = 1
const PORT = 8472

/** flannel's defaults: everything else off. */
export function vxlanBackend(config: VxlanBackend): Backend {
  const { vni = VNI, port = PORT } = config
  return namedBackend(config, family => vxlanDeviceName(vni, port, family))
}

/**
 * The backend that a peer announces, beside the network's own; undefined if it is that one. It has the network's
 * settings as far as they are the node's own affair.
 */
export function announcedVxlan(own: BackendConfig, data: PeerData | undefined): Backend | undefined {
  const settings = own.type === 'vxlan' ? own : { type: 'vxlan' as const }
  const { vni: ownVni = VNI, port: ownPort = PORT } = settings
  const { vni = ownVni, port = ownPort } = data?.type === 'vxlan' ? data : {}
  if (own.type !== 'vxlan' || vni !== ownVni) return vxlanBackend({ ...settings, vni, port })
  if (port === ownPort) return undefined
  // The name that people know is that of the network's own device.
  return namedBackend({ ...settings, vni, port }, family => portDeviceName(vni, port, family))
}

function namedBackend(config: VxlanBackend, deviceName: Settings['deviceName']): Backend {
  const { vni = VNI, port = PORT, mtu, directRouting = false, learning = false, gbp = false } = config
  const settings: Settings = { vni, port, directRouting, learning, gbp, deviceName }
  return {
    type: config.type,
    title: `vxlan with VNI ${vni} at port ${port}`,
    families: [4, 6],
    tunnelPorts: [port],
    announcedPort: port,
    offloadsChecksums: true,
    mtu,
    overhead: family => OVERHEAD[family],
    published: (self, family) => ({ VNI: vni, VtepMAC: vtepMac(self, family) }),
    nodeEntries: (self, blocks) => blocks.flatMap(block => deviceEntries(settings, self, block)),
    peerEntries: (self, sides) => eachSide(sides, side => planSide(settings, self, side)),
  }
}

/** `flannel.1`, and `flannel-v6.1` for IPv6: names that flannel's users and tools know, unless the VNI is too long. */
function vxlanDeviceName(vni: number, port: number, family: Family): string {
  const name = family === 4 ? `flannel.${vni}` : `flannel-v6.${vni}`
  return linkNameFault(name) === undefined ? name : portDeviceName(vni, port, family)
}

/** In hexadecimal the two numbers have at most ten digits, and the name 15 characters. */
function portDeviceName(vni: number, port: number, family: Family): string {
  return `vx${family}-${vni.toString(16)}-${port.toString(16)}`
}

/** The device of one family, its address and its sysctls. */
function deviceEntries(settings: Settings, self: OverlaySelf, own: LocalBlock): readonly Entry[] {
  const { family, block, local, mtu } = own
  const name = settings.deviceName(family)
  const base = formatAddress(firstAddress(block))
  return [
    {
      kind: 'link',
      type: 'vxlan',
      claim: 'own',
      name,
      owner: 'overlay',
      up: true,
      mtu,
      mac: vtepMac(self, family),
      vni: settings.vni,
      udpPort: settings.port,
      local,
      device: self.uplink.device,
      learning: settings.learning,
      gbp: settings.gbp,
    },
    ...deviceSysctls(name, family, self.hasIpv6 ?? true),
    ...checksums(self, name),
    { kind: 'address', link: name, address: `${base}/${addressBits(family)}` },
  ]
}

/** By itself the device leaves them to the network card. */
function checksums({ softwareChecksums = [] }: OverlaySelf, link: string): readonly Entry[] {
  return softwareChecksums.includes(link) ? [{ kind: 'offload', link, txChecksum: false }] : []
}

/**
 * What one family of a peer needs. Encapsulated: its block is behind its base address, which has the VTEP's MAC,
 * which is at its public address. On the same link, with direct routing: a plain route.
 */
function planSide(settings: Settings, self: OverlaySelf, { own, peer }: PeerSide): readonly Entry[] | string {
  const { family } = own
  const { vni, identity: mac } = peer.data?.type === 'vxlan' ? peer.data : {}
  if (vni !== undefined && vni !== settings.vni) {
    return `its agent uses VNI ${vni}, this network uses ${settings.vni}: its IPv${family} pods cannot be reached until both are the same`
  }
  if (mac === undefined)
    return `it does not tell the MAC of its IPv${family} VTEP: its agent has to publish it`
  if (mac === vtepMac(self, family)) {
    return `it says its VTEP has the MAC ${mac}, which is that of ${self.nodeName}: one of the two must change`
  }
  if (settings.directRouting && isOnLink(self.uplink, peer.publicAddress)) {
    return [directRoute(self.uplink, family, peer)]
  }
  const link = settings.deviceName(family)
  const base = formatAddress(firstAddress(parsePrefix(peer.podCidr)))
  return [
    { kind: 'neighbour', link, address: base, mac },
    { kind: 'fdb', link, mac, dst: peer.publicAddress },
    onlinkRoute(family, peer.podCidr, base, link),
  ]
}

/** Go's decoder takes what it knows and lets the rest be; older flannels write no VNI. */
const published = v.object({
  VNI: v.exactOptional(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(2 ** 24 - 1))),
  VtepMAC: v.pipe(
    v.string(),
    v.check(text => isUnicastMac(text), 'not a unicast MAC address'),
  ),
})

/** A peer's `{"VNI":1,"VtepMAC":"..."}`, or what is wrong with it. */
export function readVxlanData(value: unknown): PeerData | string {
  const parsed = v.safeParse(published, value)
  if (!parsed.success) return issuesText(parsed.issues)
  const { VNI, VtepMAC } = parsed.output
  const identity = VtepMAC.toLowerCase()
  return VNI === undefined || VNI === 0 ? { type: 'vxlan', identity } : { type: 'vxlan', identity, vni: VNI }
}

function isUnicastMac(text: string): boolean {
  const mac = tryParseMac(text)
  return mac !== undefined && mac !== '00:00:00:00:00:00' && Number.parseInt(mac.slice(0, 2), 16) % 2 === 0
}
