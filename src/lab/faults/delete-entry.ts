import {
  decodeFdb,
  decodeRoute,
  deleteFdb,
  deleteRoute,
  type Fdb,
  listFdb,
  listRoutes,
  NetlinkClient,
  type Request,
  type Route,
  type RouteEvent,
} from '../../netlink/index.ts'
import { labError } from '../errors.ts'
import type { Lab } from '../lab.ts'
import { NodeWatch } from '../node-watch.ts'
import type { LabNode } from '../state.ts'

/** RTPROT of everything Podlace makes. */
const OUR_PROTOCOL = 113

export interface DeletionReport {
  readonly node: string
  /** `route 10.244.3.0/24`, `forwarding entry 02:.. to 192.168.77.3`. */
  readonly what: string
  /** From our asking the kernel to delete it to the kernel's word that it is back, milliseconds. */
  readonly backAfterMs: number
}

interface Victim {
  readonly what: string
  readonly request: Request
  readonly isAbout: (event: RouteEvent) => boolean
}

/** Deletes one of a node's entries for a peer by hand (netlink, as root) and times the agent's repair. */
export async function deleteAndWatch(
  lab: Lab,
  node: LabNode,
  kind: 'route' | 'fdb',
): Promise<DeletionReport> {
  using watch = new NodeWatch(lab, node)
  const client = new NetlinkClient(watch.netns.route)
  const victim = kind === 'route' ? await findRoute(client, node) : await findFdb(client, node)
  const { clock, signal } = lab.environment
  const sinceMs = clock.nowMs()
  const limits = { sinceMs, timeoutMs: 10_000, signal }
  const [reply] = await client.send([victim.request])
  if (reply?.ok === false) throw reply.error
  const about = (change: 'new' | 'delete') => (event: RouteEvent) =>
    event.change === change && victim.isAbout(event)
  await watch.event(`the end of ${victim.what}`, about('delete'), limits)
  const back = await watch.event(`the return of ${victim.what}`, about('new'), limits)
  return { node: node.name, what: victim.what, backAfterMs: back.atMs - sinceMs }
}

async function findRoute(client: NetlinkClient, node: LabNode): Promise<Victim> {
  const routes = (await client.dump(listRoutes({ family: 4, protocol: OUR_PROTOCOL }))).map(decodeRoute)
  // With backend udp there is one route for all peers, by way of a device.
  const route = routes.find(candidate => candidate.gateway !== undefined) ?? routes[0]
  if (route === undefined) throw nothingToDelete(node, 'route to another node')
  return {
    what: `route ${route.dst}`,
    request: deleteRoute(route),
    isAbout: event => event.object === 'route' && sameRoute(event.value, route),
  }
}

function sameRoute(a: Route, b: Route): boolean {
  return a.dst === b.dst && a.table === b.table && a.metric === b.metric
}

async function findFdb(client: NetlinkClient, node: LabNode): Promise<Victim> {
  const entries = (await client.dump(listFdb())).map(decodeFdb)
  const entry = entries.find(candidate => candidate.self && candidate.dst !== undefined)
  if (entry === undefined) throw nothingToDelete(node, 'vxlan forwarding entry')
  return {
    what: `forwarding entry ${entry.mac} to ${entry.dst}`,
    request: deleteFdb(entry),
    isAbout: event => event.object === 'fdb' && sameFdb(event.value, entry),
  }
}

function sameFdb(a: Fdb, b: Fdb): boolean {
  return a.mac === b.mac && a.linkIndex === b.linkIndex && a.dst === b.dst
}

function nothingToDelete(node: LabNode, what: string) {
  const message = `${node.name} has no ${what} of Podlace's; is there another node, and is the backend vxlan?`
  return labError(`delete a ${what}`, message, { code: 'lab.unknown-member', lab: '', member: what })
}
