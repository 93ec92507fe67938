import { familyOf, localMac } from '../../ip/index.ts'
import type { LinkEntry, TunLink } from '../entry.ts'
import { isStacked, linksNeeded, type StackedLink } from '../kinds/link.ts'
import { linkKey } from '../kinds/rules.ts'
import { disconnectLink, loseAddresses } from './addresses.ts'
import type { FakeNamespace } from './fake-namespace.ts'
import { checkMtu, defaultMtu, ETHERNET_MTU, maxMtu } from './link-mtu.ts'
import { changeLink, checkMaster, followPorts, release } from './link-settings.ts'
import { refuse } from './refusal.ts'
import { deviceOf, stackedOn } from './stacking.ts'

/** `ip link add`: without a mark. A physical device is just there. `other`: where the peer or the device is. */
export function addLink(namespace: FakeNamespace, link: LinkEntry, other?: FakeNamespace): void {
  checkNewLink(namespace, link)
  if (isStacked(link) && link.deviceNetns !== undefined) {
    const { name } = other?.needLink(link.device) ?? noNamespace(link)
    if (other !== undefined) namespace.devices.set(link.name, { namespace: other, name })
  }
  if (link.mtu !== undefined && link.type !== 'vxlan') checkMtu(namespace, link, link.mtu)
  checkDevice(namespace, link)
  const { up, master, bridgePort, ...rest } = link
  const asked = asObserved(namespace, { ...rest, claim: 'use', owner: '' })
  if (master !== undefined) checkMaster(namespace, asked, master)
  // A new vxlan link is made as small as it must be; later it would be refused.
  const entry = { ...asked, mtu: Math.min(asked.mtu ?? ETHERNET_MTU, maxMtu(namespace, link)) }
  if (link.type === 'veth') createPeer(namespace, link, other)
  namespace.traits.set(link.name, { ownMac: link.mac !== undefined, ownMtu: false })
  namespace.put({ entry, mark: 'foreign' })
  changeLink(namespace, link.name, { up, master, bridgePort })
}

function noNamespace({ name }: LinkEntry): never {
  refuse('EINVAL', `no namespace for what ${name} has elsewhere`)
}

/** What is stacked on a deleted device goes, with all that hangs on it; so does the other end of a veth. */
export function deleteLink(namespace: FakeNamespace, name: string): void {
  namespace.needLink(name)
  const peer = namespace.peers.get(name)
  namespace.peers.delete(name)
  for (const upper of stackedOn(namespace, name)) {
    if (upper.namespace.link(upper.name) !== undefined) deleteLink(upper.namespace, upper.name)
  }
  takeAway(namespace, name)
  namespace.devices.delete(name)
  if (peer?.namespace.peers.delete(peer.name) === true) deleteLink(peer.namespace, peer.name)
}

/** Takes a link out of a namespace, and all that hangs on it there. Ports of a bridge stay. */
export function takeAway(namespace: FakeNamespace, name: string): void {
  const { master } = namespace.needLink(name)
  for (const { entry } of namespace.objects.childrenOf(linkKey(name))) {
    if (entry.kind === 'link') release(namespace, entry.name)
  }
  disconnectLink(namespace, name)
  loseAddresses(namespace, name, 4)
  for (const child of namespace.objects.childrenOf(linkKey(name))) namespace.drop(child)
  const seen = namespace.objects.get(linkKey(name))
  if (seen !== undefined) namespace.drop(seen)
  namespace.traits.delete(name)
  namespace.formerly.delete(name)
  namespace.sysctls.forget(name)
  namespace.summing.delete(name)
  namespace.ingress.delete(name)
  if (master !== undefined) followPorts(namespace, master)
}

/** Another program deletes a link and makes one of the same definition, which is bare and down. */
export function recreateLink(namespace: FakeNamespace, name: string): void {
  const bare = withoutSettings(namespace.needLink(name))
  deleteLink(namespace, name)
  addLink(namespace, bare)
}

/** A link as it is defined, without what can be set on it. */
export function withoutSettings(link: LinkEntry): LinkEntry {
  const {
    up: _up,
    mtu: _mtu,
    mac: _mac,
    promisc: _promisc,
    allmulticast: _allmulticast,
    txQueueLength: _queue,
    master: _master,
    bridgePort: _port,
    ...bare
  } = link
  return bare
}

function checkNewLink(namespace: FakeNamespace, link: LinkEntry): void {
  if (Buffer.byteLength(link.name) > 15) refuse('EINVAL', `${link.name} is longer than 15 bytes`)
  for (const name of linksNeeded(link)) namespace.needLink(name)
  if (namespace.link(link.name) !== undefined) refuse('EEXIST', `link ${link.name} exists`)
  if (link.type !== 'vxlan') return
  for (const { entry } of namespace.entries()) {
    if (entry.kind !== 'link' || entry.type !== 'vxlan') continue
    // One of each family may have it (vxlan_config_validate).
    if (familyOf(entry.local) !== familyOf(link.local)) continue
    if (entry.vni === link.vni && entry.udpPort === link.udpPort) {
      refuse('EEXIST', `${entry.name} has VNI ${link.vni} on port ${link.udpPort}`)
    }
  }
}

/** One handler of received packets a device (netdev_rx_handler_register). */
function checkDevice(namespace: FakeNamespace, link: LinkEntry): void {
  if (link.type !== 'macvlan' && link.type !== 'ipvlan') return
  const device = deviceOf(namespace, link)
  if (device?.master !== undefined) refuse('EBUSY', `${device.name} is a port`)
}

function createPeer(
  namespace: FakeNamespace,
  link: Extract<LinkEntry, { type: 'veth' }>,
  peerNamespace: FakeNamespace | undefined,
): void {
  if (peerNamespace === undefined) return noNamespace(link)
  const { name, mac, mtu } = link.peer
  if (peerNamespace.link(name) !== undefined) refuse('EEXIST', `link ${name} exists in the peer's namespace`)
  const entry = asObserved(peerNamespace, {
    kind: 'link',
    type: 'veth',
    name,
    claim: 'use',
    owner: '',
    peer: { name: '', netns: '' },
    ...(mac === undefined ? {} : { mac }),
    ...(mtu === undefined ? {} : { mtu }),
  })
  peerNamespace.traits.set(name, { ownMac: mac !== undefined, ownMtu: false })
  peerNamespace.put({ entry, mark: 'foreign' })
  peerNamespace.peers.set(name, { namespace, name: link.name })
  namespace.peers.set(link.name, { namespace: peerNamespace, name })
}

/** What the kernel fills in and reports. */
function asObserved(namespace: FakeNamespace, link: LinkEntry): LinkEntry {
  const common = {
    up: false,
    mtu: defaultMtu(namespace, link),
    promisc: false,
    allmulticast: false,
    txQueueLength: QUEUE_LENGTHS.get(link.type) ?? QUEUE_LENGTH,
  }
  if (link.type === 'tun' && link.mode === 'tun') return { ...common, ...observedTun(link) }
  if (link.type === 'wireguard') return { ...common, ...link }
  const device = link.type === 'ipvlan' ? deviceOf(namespace, link)?.mac : undefined
  const settings = { ...common, mac: device ?? localMac(`fake ${link.name}`) }
  switch (link.type) {
    case 'veth':
      return { ...settings, ...link, peer: { name: '', netns: '' } }
    case 'bridge':
      return { ...settings, vlanFiltering: false, vlanDefaultPvid: 1, ...link }
    case 'macvlan':
      return { ...settings, broadcastQueueLength: 1000, ...link, ...placeOf(link) }
    case 'ipvlan':
      return { ...settings, flag: 'bridge', ...link, ...placeOf(link) }
    case 'vlan':
      return { ...settings, ...link, ...placeOf(link) }
    case 'ipip':
      return { ...common, ...link }
    case 'tun':
      return { ...settings, ...observedTun(link) }
    default:
      return { ...settings, ...link }
  }
}

/** Packets; DEFAULT_TX_QUEUE_LEN, and what some drivers say. */
const QUEUE_LENGTH = 1000
const QUEUE_LENGTHS: ReadonlyMap<LinkEntry['type'], number> = new Map([
  ['tun', 500],
  ['ifb', 32],
])

/** It does not say where it was made. */
function observedTun({ madeIn: _where, ...link }: TunLink): TunLink {
  return { multiQueue: false, ...link }
}

function placeOf({ deviceNetns }: StackedLink): { device?: string; deviceNetns?: string } {
  return deviceNetns === undefined ? {} : { device: '', deviceNetns: '' }
}
