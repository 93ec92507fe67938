import { type Family, familyOf } from '../ip/index.ts'
import type { IpipLink, LinkEntry, VxlanLink } from '../kernel/index.ts'
import { describeEncapsulation, describeRoute } from './describe.ts'
import { type Found, NamespaceView } from './view.ts'
import { throughTunnel } from './wireguard.ts'
import type { Place, TraceStep, TraceWorld } from './world.ts'

/** Where the packet is next: in the hands of a namespace's IP layer, at its goal, or lost. */
type Next =
  | { readonly state: 'routing'; readonly view: NamespaceView; readonly arrival: string }
  | { readonly state: 'reached' }
  | { readonly state: 'lost' }

/** More hops than any path of ours has; beyond it there is a loop. */
const MAX_HOPS = 16

/** Takes one packet from a pod's IP layer to where it ends, noting what happens on the way. */
export class Walk {
  readonly steps: TraceStep[] = []
  private readonly world: TraceWorld
  private readonly views: ReadonlyMap<string, NamespaceView>
  private readonly source: string
  private readonly destination: string
  private readonly family: Family
  private readonly goal: string

  constructor(
    world: TraceWorld,
    views: ReadonlyMap<string, NamespaceView>,
    packet: { source: string; destination: string; family: Family; goal: string },
  ) {
    this.world = world
    this.views = views
    this.source = packet.source
    this.destination = packet.destination
    this.family = packet.family
    this.goal = packet.goal
  }

  /** From the pod's own IP layer on. A hop is one pass through an IP layer, as the TTL counts. */
  run(from: NamespaceView): 'reached' | 'unreachable' {
    let next = this.route(from)
    for (let hop = 0; next.state === 'routing'; hop++) {
      if (hop === MAX_HOPS) {
        this.lose(
          next.view.where(next.arrival),
          `the packet has come by ${MAX_HOPS} routers: its way is a loop`,
        )
        return 'unreachable'
      }
      next = this.route(next.view, next.arrival)
    }
    return next.state === 'reached' ? 'reached' : 'unreachable'
  }

  /** The IP layer of one namespace: is it for me, may I forward, which way. */
  private route(view: NamespaceView, arrival?: string): Next {
    const where = view.where(arrival)
    if (view.owned(this.destination) !== undefined) {
      if (view.name === this.goal) return { state: 'reached' }
      return this.lose(
        where,
        `${this.destination} is an address of ${view.where()} itself, not of pod ${this.goal}`,
      )
    }
    if (arrival !== undefined && !view.forwards(this.family)) {
      return this.lose(
        where,
        `${view.where()} does not forward: net/ipv${this.family}/conf/all/forwarding is not 1`,
      )
    }
    const route = view.route(this.destination)
    if (route === undefined) return this.lose(where, `there is no route to ${this.destination}`)
    const { link: name, type = 'unicast', gateway } = route.entry
    if (type !== 'unicast' || name === undefined) {
      return this.lose(where, `${describeRoute(route.entry)} ends it`, route.because)
    }
    const link = view.link(name)
    // A subnet's own bridge is told by the step that names the port.
    if (!route.connected || !this.isBridge(view, name))
      this.note(where, describeRoute(route.entry), route.because)
    if (link?.entry.up === false) return this.lose(view.where(name), `${name} is down`, link.because)
    return this.leave(view, name, link, gateway ?? this.destination)
  }

  /** Out through a link, towards the next hop. */
  private leave(
    view: NamespaceView,
    name: string,
    link: Found<LinkEntry> | undefined,
    nextHop: string,
  ): Next {
    if (link?.entry.type === 'vxlan') return this.encapsulate(view, link.entry, nextHop)
    if (link?.entry.type === 'ipip') return this.tunnel(view, link.entry, nextHop)
    if (link?.entry.type === 'wireguard') return this.encrypt(view, name)
    if (this.isBridge(view, name)) return this.cross(view, name, undefined, nextHop)
    const peer = this.otherEnd({ namespace: view.name, link: name })
    if (peer !== undefined) return this.enter(peer, nextHop)
    if (this.world.underlay.some(place => place.namespace === view.name && place.link === name)) {
      return this.wire(view, name, nextHop)
    }
    return this.lose(view.where(name), `there is no link ${name}, or it leads nowhere that is known`)
  }

  /** Next hop to MAC to node: the neighbour and the FDB entry that the overlay keeps per peer. */
  private encapsulate(view: NamespaceView, link: VxlanLink, nextHop: string): Next {
    const where = view.where(link.name)
    const neighbour = view.neighbour(link.name, nextHop)
    if (neighbour === undefined)
      return this.lose(where, `the neighbour ${nextHop} is missing, so its MAC is not known`)
    const { mac } = neighbour.entry
    const fdb = view.fdb(link.name, mac)
    if (fdb === undefined) {
      const what = `${nextHop} is ${mac}, but the FDB entry of ${mac} is missing, so its node is not known`
      return this.lose(where, what, neighbour.because)
    }
    const { dst } = fdb.entry
    this.note(where, `${nextHop} is ${mac}, ${mac} is at ${dst}`, [...neighbour.because, ...fdb.because])
    this.note('wire', describeEncapsulation(link, dst), [])
    return this.decapsulate(link, mac, dst)
  }

  /** IPv4 in IPv4: the gateway of the route is the node; there the tunnel with that end takes it. */
  private tunnel(view: NamespaceView, link: IpipLink, nextHop: string): Next {
    const target = this.viewAt(nextHop)
    if (target === undefined) return this.lose(view.where(link.name), `no node has the address ${nextHop}`)
    this.note('wire', `IP in IP, ${link.local} → ${nextHop}, +20 bytes`, [])
    const device = target.links().find(({ entry }) => entry.type === 'ipip' && entry.local === nextHop)
    if (device === undefined) return this.lose(target.where(), `there is no tunnel with the end ${nextHop}`)
    if (device.entry.up === false)
      return this.lose(target.where(device.entry.name), `${device.entry.name} is down`, device.because)
    return { state: 'routing', view: target, arrival: device.entry.name }
  }

  /** The far end must have a device of the same network, and the frame must bear that device's MAC. */
  private decapsulate(sent: VxlanLink, mac: string, remote: string): Next {
    const target = this.viewAt(remote)
    if (target === undefined) return this.lose('wire', `no node has the address ${remote}`)
    const device = target.links().find(({ entry }) => isTwin(entry, sent))
    const where = target.where(device?.entry.name)
    if (device === undefined) {
      return this.lose(where, `there is no vxlan device with VNI ${sent.vni} on port ${sent.udpPort}`)
    }
    if (device.entry.up === false) return this.lose(where, `${device.entry.name} is down`, device.because)
    if (device.entry.mac !== undefined && device.entry.mac !== mac) {
      const what = `${device.entry.name} has the MAC ${device.entry.mac}, not ${mac}: it drops the frame`
      return this.lose(where, what, device.because)
    }
    return { state: 'routing', view: target, arrival: device.entry.name }
  }

  private encrypt(view: NamespaceView, link: string): Next {
    const { source, destination } = this
    const { steps, next } = throughTunnel(view, link, { source, destination }, address =>
      this.viewAt(address),
    )
    this.steps.push(...steps)
    return next === undefined ? { state: 'lost' } : { state: 'routing', ...next }
  }

  /** Over the underlay as it is. */
  private wire(view: NamespaceView, link: string, nextHop: string): Next {
    const target = this.world.underlay.find(
      place => place.address === nextHop && place.namespace !== view.name,
    )
    const there = target && this.views.get(target.namespace)
    if (target === undefined || there === undefined) {
      return this.lose(
        view.where(link),
        `no node has the address ${nextHop}, so it leaves the pod network here`,
      )
    }
    this.note('wire', `${this.source} → ${this.destination} as it is, next hop ${nextHop}`, [])
    return { state: 'routing', view: there, arrival: target.link }
  }

  /** In through the other end of a veth pair: onto a bridge if it is a port of one. */
  private enter(place: Place, nextHop: string): Next {
    const view = this.views.get(place.namespace)
    if (view === undefined) return this.lose(place.namespace, `nothing is known of ${place.namespace}`)
    const port = view.link(place.link)
    if (port?.entry.up === false)
      return this.lose(view.where(place.link), `${place.link} is down`, port.because)
    const bridge = port?.entry.master
    if (bridge !== undefined) return this.cross(view, bridge, place.link, nextHop)
    if (view.owned(nextHop) === undefined) {
      return this.lose(view.where(place.link), `nobody behind ${place.link} has the address ${nextHop}`)
    }
    return { state: 'routing', view, arrival: place.link }
  }

  /** Across a bridge: to the host that has it, or out of the port behind which the next hop is. */
  private cross(view: NamespaceView, bridge: string, inPort: string | undefined, nextHop: string): Next {
    const where = view.where(bridge)
    const device = view.link(bridge)
    if (device?.entry.up === false) return this.lose(where, `${bridge} is down`, device.because)
    if (view.owned(nextHop, bridge) !== undefined) return { state: 'routing', view, arrival: bridge }
    const out = this.portOf(view, bridge, nextHop)
    if (out === undefined)
      return this.lose(where, `no port of ${bridge} leads to ${nextHop}: no pod has this address here`)
    const { port, far } = out
    if (port.entry.up === false) return this.lose(where, `${port.entry.name} is down`, port.because)
    const cameFrom = inPort === undefined ? undefined : view.link(inPort)
    if (cameFrom?.entry.bridgePort?.isolated === true && port.entry.bridgePort?.isolated === true) {
      return this.lose(where, `${inPort} and ${port.entry.name} are isolated from each other`, port.because)
    }
    this.note(where, `${nextHop} is on ${port.entry.name}`, port.because)
    return { state: 'routing', view: far.view, arrival: far.link }
  }

  /** The kernel learns ports from traffic; here the port is the one behind which the address is. */
  private portOf(view: NamespaceView, bridge: string, address: string) {
    for (const port of view.links()) {
      if (port.entry.master !== bridge) continue
      const end = this.otherEnd({ namespace: view.name, link: port.entry.name })
      const far = end && this.views.get(end.namespace)
      if (end !== undefined && far?.owned(address, end.link) !== undefined) {
        return { port, far: { view: far, link: end.link } }
      }
    }
    return undefined
  }

  private otherEnd(place: Place): Place | undefined {
    for (const { a, b } of this.world.veths) {
      if (a.namespace === place.namespace && a.link === place.link) return b
      if (b.namespace === place.namespace && b.link === place.link) return a
    }
    return undefined
  }

  /** A bridge that somebody else made is an entry of type `device`: its ports give it away. */
  private isBridge(view: NamespaceView, name: string): boolean {
    return view
      .links()
      .some(({ entry }) => (entry.name === name ? entry.type === 'bridge' : entry.master === name))
  }

  private viewAt(address: string): NamespaceView | undefined {
    const place = this.world.underlay.find(one => one.address === address)
    return place && this.views.get(place.namespace)
  }

  /** Adds a step; an object that accounts for it twice is named once. */
  private note(where: string, what: string, because: readonly string[]): void {
    this.steps.push({ where, what, because: [...new Set(because)] })
  }

  /** The last step of a packet that does not arrive. */
  private lose(where: string, what: string, because: readonly string[] = []): Next {
    this.note(where, what, because)
    return { state: 'lost' }
  }
}

/** A device that takes what `sent` encapsulates: same network, port and underlay family. */
function isTwin(entry: LinkEntry, sent: VxlanLink): boolean {
  if (entry.type !== 'vxlan' || entry.vni !== sent.vni || entry.udpPort !== sent.udpPort) return false
  return familyOf(entry.local) === familyOf(sent.local)
}
