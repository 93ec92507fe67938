import type { LinkEntry } from '../entry.ts'
import { isMoved, isStacked, type MovedLink } from '../kinds/link.ts'
import { linkKey } from '../kinds/rules.ts'
import type { ApplyContext } from '../operation.ts'
import type { FakeNamespace, LinkPlace, Mark } from './fake-namespace.ts'
import { renameLink } from './link-renaming.ts'
import { deleteLink, takeAway } from './links.ts'
import { refuse } from './refusal.ts'
import { stackedOn } from './stacking.ts'

/** Devices that are moved from one namespace to another, and back. */

/** Moves a device here, renamed and marked. */
export function fetchDevice(
  namespace: FakeNamespace,
  link: MovedLink,
  source: FakeNamespace | undefined,
): void {
  if (source === undefined) return refuse('EINVAL', `no namespace to move ${link.name} from`)
  const { name, movedFrom } = link
  if (namespace.link(name) !== undefined) refuse('EEXIST', `link ${name} exists`)
  const device = source.needLink(movedFrom.name)
  if (device.claim === 'own' && !isMoved(device))
    refuse('EBUSY', `${device.name} is ours, for ${device.owner}`)
  const former = isMoved(device) ? source.formerly.get(device.name) : device
  const marked: LinkEntry = {
    kind: 'link',
    type: 'device',
    name,
    claim: 'own',
    owner: '',
    ...settingsOf(device),
    movedFrom: { netns: '', name: movedFrom.name },
  }
  moveLink(source, device.name, namespace, marked, 'ours')
  if (former !== undefined) namespace.formerly.set(name, { ...former, name: movedFrom.name })
}

/** Where a device that was moved here goes back to: the namespace itself where nothing else is said. */
export function ownerOf(
  namespace: FakeNamespace,
  { name, movedFrom: { netns } }: MovedLink,
  context: ApplyContext | undefined,
): FakeNamespace {
  const handle = context?.namespaces.get(netns)
  if (netns !== '' && handle === undefined) return refuse('EINVAL', `no namespace to give ${name} back to`)
  return (handle && namespace.namespaceOf(handle.fds.netns)) ?? namespace
}

/** Gives a device back to `owner`, or its name if it is there already. */
export function giveBack(
  namespace: FakeNamespace,
  { name, movedFrom }: MovedLink,
  owner: FakeNamespace,
): void {
  const device = namespace.link(name)
  const former = namespace.formerly.get(name)
  if (device === undefined || former === undefined) return
  if (owner.link(movedFrom.name) !== undefined && (owner !== namespace || movedFrom.name !== name)) {
    refuse('EEXIST', `link ${movedFrom.name} exists`)
  }
  namespace.formerly.delete(name)
  const itself: LinkEntry = { ...former, ...settingsOf(device), name: movedFrom.name }
  if (owner !== namespace) return moveLink(namespace, name, owner, itself, 'foreign')
  renameLink(namespace, name, movedFrom.name)
  namespace.put({ entry: itself, mark: 'foreign' }, namespace.objects.get(linkKey(movedFrom.name)))
}

/** The last who held a namespace is gone: physical devices go to the first namespace, where a name may be taken. */
export function endNamespace(namespace: FakeNamespace, first: FakeNamespace): void {
  const all = [...namespace.entries()]
  for (const { entry, mark } of all) {
    if (entry.kind !== 'link' || entry.name === 'lo' || namespace.link(entry.name) === undefined) continue
    const former = namespace.formerly.get(entry.name)
    if ((former ?? entry).type !== 'device') {
      deleteLink(namespace, entry.name)
      continue
    }
    const name = first.link(entry.name) === undefined ? entry.name : unusedName(first)
    moveLink(namespace, entry.name, first, { ...entry, name, up: false }, mark)
    if (former !== undefined) first.formerly.set(name, former)
  }
}

function unusedName(namespace: FakeNamespace): string {
  let n = 0
  while (namespace.link(`dev${n}`) !== undefined) n += 1
  return `dev${n}`
}

/** It comes down, and bare: addresses, routes and its master stay behind, and what is on it stays on it. */
function moveLink(
  from: FakeNamespace,
  name: string,
  to: FakeNamespace,
  { master: _master, bridgePort: _port, ...entry }: LinkEntry,
  mark: Mark,
): void {
  const uppers = stackedOn(from, name)
  const peer = from.peers.get(name)
  const traits = from.traits.get(name)
  for (const upper of uppers) leaveBehind(upper, { namespace: to, name: entry.name })
  takeAway(from, name)
  from.peers.delete(name)
  if (traits !== undefined) to.traits.set(entry.name, traits)
  if (peer !== undefined) {
    to.peers.set(entry.name, peer)
    peer.namespace.peers.set(peer.name, { namespace: to, name: entry.name })
  }
  to.put({ entry: { ...entry, up: false }, mark })
}

/** Its device is elsewhere now. */
function leaveBehind({ namespace, name }: LinkPlace, device: LinkPlace): void {
  const seen = namespace.objects.get(linkKey(name))
  if (seen?.entry.kind !== 'link' || !isStacked(seen.entry)) return deleteLink(namespace, name)
  namespace.devices.set(name, device)
  namespace.put({ ...seen, entry: { ...seen.entry, device: '', deviceNetns: '' } }, seen)
}

function settingsOf({ mtu, mac, promisc, allmulticast, txQueueLength }: LinkEntry) {
  return {
    ...(mtu === undefined ? {} : { mtu }),
    ...(mac === undefined ? {} : { mac }),
    ...(promisc === undefined ? {} : { promisc }),
    ...(allmulticast === undefined ? {} : { allmulticast }),
    ...(txQueueLength === undefined ? {} : { txQueueLength }),
  }
}
