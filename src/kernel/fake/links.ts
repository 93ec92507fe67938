import { localMac } from '../../ip/index.ts'
import type { LinkEntry } from '../entry.ts'
import { linkKey } from '../kinds/rules.ts'
import { disconnectLink, loseAddresses } from './addresses.ts'
import type { FakeNamespace } from './fake-namespace.ts'
import { checkMtu, defaultMtu, ETHERNET_MTU, maxMtu } from './link-mtu.ts'
import { changeLink, checkMaster, followPorts, release } from './link-settings.ts'
import { linksNeeded } from './link-steps.ts'
import { refuse } from './refusal.ts'

/** `ip link add`: without a mark. A physical device is just there. */
export function addLink(namespace: FakeNamespace, link: LinkEntry, peerNamespace?: FakeNamespace): void {
  checkNewLink(namespace, link)
  const { up, master, bridgePort, ...rest } = link
  const asked = asObserved(namespace, { ...rest, claim: 'use', owner: '' })
  if (master !== undefined) checkMaster(namespace, asked, master)
  // A new vxlan link is made as small as it must be; later it would be refused.
  const entry = { ...asked, mtu: Math.min(asked.mtu ?? ETHERNET_MTU, maxMtu(namespace, link)) }
  if (link.type === 'veth') createPeer(namespace, link, peerNamespace)
  namespace.traits.set(link.name, { ownMac: link.mac !== undefined, ownMtu: false })
  namespace.put({ entry, mark: 'foreign' })
  changeLink(namespace, link.name, { up, master, bridgePort })
}

/** Ports of a deleted bridge stay; what is stacked on a deleted device goes, with all that hangs on it. */
export function deleteLink(namespace: FakeNamespace, name: string): void {
  const link = namespace.needLink(name)
  const peer = namespace.peers.get(name)
  namespace.peers.delete(name)
  for (const { entry } of namespace.objects.childrenOf(linkKey(name))) {
    if (entry.kind !== 'link') continue
    if (entry.master === name) release(namespace, entry.name)
    else if (namespace.link(entry.name) !== undefined) deleteLink(namespace, entry.name)
  }
  disconnectLink(namespace, name)
  loseAddresses(namespace, name, 4)
  for (const child of namespace.objects.childrenOf(linkKey(name))) namespace.drop(child)
  const seen = namespace.objects.get(linkKey(name))
  if (seen !== undefined) namespace.drop(seen)
  namespace.traits.delete(name)
  namespace.sysctls.forget(name)
  if (link.master !== undefined) followPorts(namespace, link.master)
  if (peer?.namespace.peers.delete(peer.name) === true) deleteLink(peer.namespace, peer.name)
}

/** Another program deletes a link and makes one of the same definition, which is bare and down. */
export function recreateLink(namespace: FakeNamespace, name: string): void {
  const {
    up: _up,
    mtu: _mtu,
    mac: _mac,
    master: _master,
    bridgePort: _port,
    ...bare
  } = namespace.needLink(name)
  deleteLink(namespace, name)
  addLink(namespace, bare)
}

function checkNewLink(namespace: FakeNamespace, link: LinkEntry): void {
  if (Buffer.byteLength(link.name) > 15) refuse('EINVAL', `${link.name} is longer than 15 bytes`)
  for (const name of linksNeeded(link)) namespace.needLink(name)
  if (namespace.link(link.name) !== undefined) refuse('EEXIST', `link ${link.name} exists`)
  if (link.mtu !== undefined && link.type !== 'vxlan') checkMtu(namespace, link, link.mtu)
  if (link.type === 'macvlan' && namespace.needLink(link.device).master !== undefined) {
    refuse('EBUSY', `${link.device} is a port of a bridge`)
  }
  if (link.type !== 'vxlan') return
  for (const { entry } of namespace.entries()) {
    const isVxlan = entry.kind === 'link' && entry.type === 'vxlan'
    if (isVxlan && entry.vni === link.vni && entry.udpPort === link.udpPort) {
      refuse('EEXIST', `${entry.name} has VNI ${link.vni} on port ${link.udpPort}`)
    }
  }
}

function createPeer(
  namespace: FakeNamespace,
  link: Extract<LinkEntry, { type: 'veth' }>,
  peerNamespace: FakeNamespace | undefined,
): void {
  if (peerNamespace === undefined) return refuse('EINVAL', `no namespace for the peer of ${link.name}`)
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
  const common = { up: false, mtu: defaultMtu(namespace, link) }
  const mac = link.type === 'tun' ? {} : { mac: localMac(`fake ${link.name}`) }
  if (link.type === 'veth') return { ...common, ...mac, ...link, peer: { name: '', netns: '' } }
  if (link.type === 'bridge') return { ...common, ...mac, vlanFiltering: false, ...link }
  return { ...common, ...mac, ...link }
}
