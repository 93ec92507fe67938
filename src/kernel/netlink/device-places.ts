import { decodeNetnsId, getLink, getNetnsId, type Link, NetlinkClient } from '../../netlink/index.ts'
import type { ApplyContext, NamespaceHandle } from '../operation.ts'
import type { DevicePlace } from './codecs/observed-link.ts'
import { ask, linksIn } from './link-exchange.ts'

type Namespaces = ApplyContext['namespaces']

/** Where the devices are of links whose device is not here, by the link's index; those of veths are of no interest. */
export async function devicePlaces(
  client: NetlinkClient,
  links: readonly Link[],
  namespaces: Namespaces,
): Promise<ReadonlyMap<number, DevicePlace>> {
  const places = new Map<number, DevicePlace>()
  const distant = links.filter(link => link.linkNetnsId !== undefined && link.info?.kind !== 'veth')
  if (distant.length === 0 || namespaces.size === 0) return places
  const known = await namespacesById(client, namespaces)
  for (const { index, linkNetnsId = -1, parentIndex } of distant) {
    const owner = known.get(linkNetnsId)
    // None of those that were named: that is worth knowing too.
    if (owner === undefined) places.set(index, { device: '', deviceNetns: `nsid ${linkNetnsId}` })
    else if (owner.handle.route !== undefined && parentIndex !== undefined) {
      const [device] = linksIn(
        await ask(new NetlinkClient(owner.handle.route), getLink({ index: parentIndex })),
      )
      places.set(index, { device: device?.name ?? '', deviceNetns: owner.name })
    }
  }
  return places
}

/** By the numbers that this namespace has for them. */
async function namespacesById(
  client: NetlinkClient,
  namespaces: Namespaces,
): Promise<ReadonlyMap<number, { readonly name: string; readonly handle: NamespaceHandle }>> {
  const known = new Map<number, { name: string; handle: NamespaceHandle }>()
  for (const [name, handle] of namespaces) {
    const reply = await ask(client, getNetnsId(handle.fds.netns))
    const [message] = reply?.ok === true ? reply.messages : []
    const id = message && decodeNetnsId(message)
    if (id !== undefined) known.set(id, { name, handle })
  }
  return known
}
