import { addLink, getLink, NetlinkClient } from '../../netlink/index.ts'
import type { LinkEntry, VethLink } from '../entry.ts'
import { isMoved, isStacked, otherNamespace, type StackedLink } from '../kinds/link.ts'
import type { ApplyContext, NamespaceHandle, Operation } from '../operation.ts'
import { linkSpec } from './codecs/link.ts'
import { fetchDevice } from './device-moves.ts'
import { ask, failureOf, linksIn } from './link-exchange.ts'
import type { LinkTable } from './link-table.ts'
import { type Failure, linkMissing, namespaceNeeded } from './refusals.ts'
import { makeTun, type OpenTun } from './tun-creation.ts'

export interface CreationOptions {
  readonly client: NetlinkClient
  readonly links: LinkTable
  /** A descriptor of this namespace. */
  readonly home: number
  readonly context: ApplyContext | undefined
  readonly openTun: OpenTun
}

/** Makes a link, or fetches it; `afterCreation` says what it lacks then. */
export async function createLink(
  options: CreationOptions,
  operation: Operation,
  link: LinkEntry,
  up: boolean,
): Promise<Failure | undefined> {
  const name = otherNamespace(link)
  const other = name === undefined ? undefined : options.context?.namespaces.get(name)
  if (name !== undefined && other === undefined) return namespaceNeeded(operation, link, name)
  if (link.type === 'veth') return addVeth(options, operation, link, up, other)
  if (link.type === 'tun') return makeTun(options, operation, link, other)
  if (isMoved(link)) return fetchDevice(options, operation, link, other)
  if (isStacked(link) && other !== undefined) return addOnDevice(options, operation, link, up, other)
  return failureOf(operation, await ask(options.client, addLink(linkSpec(link, options.links, { up }))))
}

/** Of a veth's other end nobody else tells its namespace. */
async function addVeth(
  { client, links }: CreationOptions,
  operation: Operation,
  link: VethLink,
  up: boolean,
  pod: NamespaceHandle | undefined,
): Promise<Failure | undefined> {
  const spec = linkSpec(link, links, { up, peerNetnsFd: pod?.fds.netns })
  const reply = await ask(client, addLink(spec, { echo: true }))
  for (const { parentIndex } of linksIn(reply)) {
    if (parentIndex !== undefined) pod?.onLink?.(link.peer.name, parentIndex)
  }
  return failureOf(operation, reply)
}

/**
 * The device's namespace is asked to make the link here, in one message. Were this one asked (IFLA_LINK_NETNSID), older
 * kernels would first make it beside the device, under the name it shall have here: a link may bear that there.
 */
async function addOnDevice(
  { links, home }: CreationOptions,
  operation: Operation,
  link: StackedLink,
  up: boolean,
  { route }: NamespaceHandle,
): Promise<Failure | undefined> {
  const netns = link.deviceNetns ?? ''
  if (route === undefined) return namespaceNeeded(operation, link, netns)
  const there = new NetlinkClient(route)
  const [device] = linksIn(await ask(there, getLink({ name: link.device })))
  if (device === undefined) return linkMissing(operation, link.device, netns)
  const spec = linkSpec(link, links, { up, deviceIndex: device.index })
  return failureOf(operation, await ask(there, addLink({ ...spec, netnsFd: home })))
}
