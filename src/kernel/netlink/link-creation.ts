import { errnoName } from '../../base/index.ts'
import {
  addLink,
  getLink,
  type Link,
  type LinkSpec,
  NetlinkClient,
  type Reply,
  setLink,
} from '../../netlink/index.ts'
import type { DeviceLink, LinkEntry, VethLink } from '../entry.ts'
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
  /** `NetlinkKernelOptions.readyKinds`, by IFLA_INFO_KIND. */
  readonly readyKinds: Set<string>
  /** A descriptor of this namespace. */
  readonly home: number
  readonly context: ApplyContext | undefined
  readonly openTun: OpenTun
}

/** Makes a link, or fetches it; `afterCreation` says what it lacks then. */
export function createLink(
  options: CreationOptions,
  operation: Operation,
  link: LinkEntry,
  up: boolean,
): Promise<Failure | undefined> {
  const name = otherNamespace(link)
  const other = name === undefined ? undefined : options.context?.namespaces.get(name)
  if (name !== undefined && other === undefined)
    return Promise.resolve(namespaceNeeded(operation, link, name))
  if (link.type === 'veth') return addVeth(options, operation, link, up, other)
  if (link.type === 'tun') return makeTun(options, operation, link, other)
  if (isMoved(link)) return fetchDevice(options, operation, link, other)
  if (isStacked(link) && other !== undefined) return addOnDevice(options, operation, link, up, other)
  return addHere(options, operation, link, up)
}

async function addHere(
  options: CreationOptions,
  operation: Operation,
  link: LinkEntry,
  up: boolean,
): Promise<Failure | undefined> {
  const { reply } = await addEchoed(options, linkSpec(link, options.links, { up }))
  return failureOf(operation, reply)
}

/** Of a veth's other end nobody else tells its namespace. */
async function addVeth(
  options: CreationOptions,
  operation: Operation,
  link: VethLink,
  up: boolean,
  pod: NamespaceHandle | undefined,
): Promise<Failure | undefined> {
  const spec = linkSpec(link, options.links, { up, peerNetnsFd: pod?.fds.netns })
  const { reply, made } = await addEchoed(options, spec)
  if (made?.parentIndex !== undefined) pod?.onLink?.(peerOf(link), made.parentIndex)
  return failureOf(operation, reply)
}

/** The other end, in its own namespace. */
function peerOf({ owner, peer: { netns: _here, ...peer } }: VethLink): DeviceLink {
  return { kind: 'link', type: 'device', claim: 'use', owner, ...peer }
}

/** The answer shows the link that was made: what needs its index does not wait for an event that tells it. */
async function addEchoed(
  { client, links, readyKinds }: CreationOptions,
  spec: LinkSpec,
): Promise<{ readonly reply: Reply | undefined; readonly made: Link | undefined }> {
  const { kind } = spec.info
  const reply = await ask(client, addLink(spec, { echo: true, ready: readyKinds.has(kind) }))
  if (reply?.ok === true) readyKinds.add(kind)
  const [made] = linksIn(reply)
  // What events have told meanwhile is newer.
  if (made !== undefined && links.get(made.index) === undefined) links.set(made)
  return { reply, made }
}

/** What a link is called for a moment in its own namespace, where it cannot be made under its name. */
const PASSING_NAME = 'podlace-new'

/**
 * The device's namespace is asked to make the link here, in one message. Were this one asked (IFLA_LINK_NETNSID), older
 * kernels would first make it beside the device.
 */
async function addOnDevice(
  { client, links, home, readyKinds }: CreationOptions,
  operation: Operation,
  link: StackedLink,
  up: boolean,
  { route }: NamespaceHandle,
): Promise<Failure | undefined> {
  const { name, deviceNetns = '' } = link
  if (route === undefined) return namespaceNeeded(operation, link, deviceNetns)
  const there = new NetlinkClient(route)
  const [device] = linksIn(await ask(there, getLink({ name: link.device })))
  if (device === undefined) return linkMissing(operation, link.device, deviceNetns)
  const birth = { deviceIndex: device.index, up }
  const add = (changes: Partial<LinkSpec>) => {
    const spec = { ...linkSpec(link, links, birth), ...changes, netnsFd: home }
    return ask(there, addLink(spec, { ready: readyKinds.has(link.type) }))
  }
  const reply = await add({})
  if (reply?.ok === true) readyKinds.add(link.type)
  const isTaken = reply?.ok === false && errnoName(reply.error.payload.errno) === 'EEXIST'
  if (!isTaken || (await ask(client, getLink({ name })))?.ok === true) return failureOf(operation, reply)
  // Linux 6.12 and older ones refuse a name that a link has beside the device, though this one is to be made here.
  const detour = await add({ name: PASSING_NAME, up: false })
  const [made] = linksIn(await ask(client, getLink({ name: PASSING_NAME })))
  if (detour?.ok !== true || made === undefined) return failureOf(operation, detour)
  return failureOf(
    operation,
    await ask(client, setLink({ index: made.index }, { name, ...(up ? { up } : {}) })),
  )
}
