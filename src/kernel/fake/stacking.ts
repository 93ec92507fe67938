import type { LinkEntry } from '../entry.ts'
import { isStacked, localDevice } from '../kinds/link.ts'
import { linkKey } from '../kinds/rules.ts'
import type { ApplyContext, ObservedEntry } from '../operation.ts'
import type { FakeNamespace, LinkPlace } from './fake-namespace.ts'

/** Links on devices, which may be in different namespaces. */

/** The device that a link is on, or shall be. */
export function deviceOf(namespace: FakeNamespace, link: LinkEntry): LinkEntry | undefined {
  const local = localDevice(link)
  if (local !== undefined) return namespace.link(local)
  const place = namespace.devices.get(link.name)
  return place?.namespace.link(place.name)
}

/** What is on a device, here and elsewhere. */
export function stackedOn(namespace: FakeNamespace, device: string): LinkPlace[] {
  const found: LinkPlace[] = []
  for (const { entry } of namespace.objects.childrenOf(linkKey(device))) {
    if (entry.kind === 'link' && localDevice(entry) === device) found.push({ namespace, name: entry.name })
  }
  for (const other of namespace.network.all()) {
    for (const [name, place] of other.devices) {
      if (place.namespace === namespace && place.name === device) found.push({ namespace: other, name })
    }
  }
  return found
}

/** An observed entry with the device it is on, if that is in one of the namespaces that are known by name. */
export function located(
  namespace: FakeNamespace,
  seen: ObservedEntry,
  context: ApplyContext | undefined,
): ObservedEntry {
  const { entry } = seen
  if (entry.kind !== 'link' || !isStacked(entry)) return seen
  const place = namespace.devices.get(entry.name)
  if (place === undefined || context === undefined || context.namespaces.size === 0) return seen
  for (const [deviceNetns, handle] of context.namespaces) {
    if (namespace.namespaceOf(handle.fds.netns) !== place.namespace) continue
    return { ...seen, entry: { ...entry, device: place.name, deviceNetns } }
  }
  return { ...seen, entry: { ...entry, deviceNetns: `nsid ${place.namespace.descriptor}` } }
}

/** They hear all that comes in there, as a bridge does: a device has macvlans, ipvlans, or a bridge. */
export function listenersOn(namespace: FakeNamespace, device: string, type?: LinkEntry['type']): LinkPlace[] {
  return stackedOn(namespace, device).filter(place => {
    const kind = place.namespace.link(place.name)?.type
    return (kind === 'macvlan' || kind === 'ipvlan') && (type === undefined || type === kind)
  })
}
