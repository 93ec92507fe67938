import { settle } from '../../base/index.ts'
import {
  decodeEvent,
  isKernelsOwn,
  type Link,
  type LinkInterest,
  type Message,
  type RouteEvent,
  TC_H_INGRESS,
  withoutSuperseded,
} from '../../netlink/index.ts'
import { entryKey } from '../entry.ts'
import type { KernelEvent, ObservedEntry } from '../operation.ts'
import { observedAddress } from './codecs/address.ts'
import { observedFdb } from './codecs/fdb.ts'
import { observedNeighbour } from './codecs/neighbour.ts'
import { observedLink } from './codecs/observed-link.ts'
import { observedQdisc } from './codecs/qdisc.ts'
import { isRedirectPlace } from './codecs/redirect.ts'
import { observedRoute } from './codecs/route.ts'
import { observedRule } from './codecs/rule.ts'
import { isOfSelective, isSelective, isShapedClass } from './codecs/selective-qdisc.ts'
import type { LinkTable } from './link-table.ts'

const NLM_F_REPLACE = 0x100
/** Messages between two breaths of the event loop. */
const CHUNK = 500

/** What must be read again, as the kernel changed it without an event of its own. */
export interface Rereads {
  /** Indexes of links that went down, or lost an IPv4 address: their routes may be gone, also those of others. */
  readonly routesOfLinks: Set<number>
  /** An IPv4 address went, and with it perhaps routes over other links that used it. */
  ourIpv4Routes: boolean
  /** Bridge ports whose settings changed. */
  readonly links: Set<number>
  /** Indexes of links whose filters of what comes in changed. */
  readonly redirectsOfLinks: Set<number>
  /** Indexes of links with a qdisc of several parts, of which one changed. */
  readonly qdiscsOfLinks: Set<number>
}

export function noRereads(): Rereads {
  return {
    routesOfLinks: new Set(),
    ourIpv4Routes: false,
    links: new Set(),
    redirectsOfLinks: new Set(),
    qdiscsOfLinks: new Set(),
  }
}

/** Translates rtnetlink's multicast messages into events about entries. */
export class EventFold {
  private readonly links: LinkTable
  private readonly emit: (event: KernelEvent) => void

  constructor(links: LinkTable, emit: (event: KernelEvent) => void) {
    this.links = links
    this.emit = emit
  }

  /** In order. Returns what the messages did not say. */
  async fold(messages: readonly Message[]): Promise<Rereads> {
    const rereads = noRereads()
    let count = 0
    for (const message of withoutSuperseded(messages, this.interest())) {
      const event = isKernelsOwn(message) ? undefined : decodeEvent(message)
      if (event !== undefined) this.foldOne(event, message, rereads)
      count += 1
      if (count % CHUNK === 0) await settle()
    }
    return rereads
  }

  private interest(): LinkInterest {
    const { links } = this
    return { isKnown: index => links.get(index) !== undefined, followsVlans: links.followsVlans }
  }

  private foldOne(event: RouteEvent, message: Message, rereads: Rereads): void {
    const isNew = event.change === 'new'
    switch (event.object) {
      case 'link':
        return isNew ? this.linkSet(event.value, rereads) : this.linkGone(event.value, rereads)
      case 'bridge-port':
        if (isNew) this.portSet(event.value, rereads)
        return
      case 'address':
        if (!isNew && !event.value.address.includes(':')) {
          rereads.ourIpv4Routes = true
          rereads.routesOfLinks.add(event.value.linkIndex)
        }
        return this.tell(isNew, observedAddress(event.value, this.links))
      case 'route': {
        // Without REPLACE another route of the same key may stand beside this one.
        const beside = (message.flags & NLM_F_REPLACE) === 0
        return this.tell(isNew, observedRoute(event.value, this.links), { beside })
      }
      case 'rule':
        return this.tell(isNew, observedRule(event.value), { beside: true })
      case 'neighbour': {
        const { address, linkIndex } = event.value
        const observed = isNew ? observedNeighbour(event.value, this.links) : undefined
        const link = this.links.nameOf(linkIndex)
        if (observed !== undefined) this.tell(true, observed)
        // Also one that was permanent and now is the kernel's own to change.
        else if (link !== undefined) this.emit({ event: 'gone', key: `neighbour ${address} dev ${link}` })
        return
      }
      case 'fdb':
        return this.tell(isNew, observedFdb(event.value, this.links))
      case 'qdisc':
        // Filters go with an ingress qdisc, and nobody says so.
        if (event.value.parent === TC_H_INGRESS) rereads.redirectsOfLinks.add(event.value.linkIndex)
        if (isOfSelective(event.value) || (isNew && isSelective(event.value))) {
          rereads.qdiscsOfLinks.add(event.value.linkIndex)
          return
        }
        return this.tell(isNew, observedQdisc(event.value, this.links))
      case 'class':
        if (isShapedClass(event.value)) rereads.qdiscsOfLinks.add(event.value.linkIndex)
        return
      case 'filter':
        if (isOfSelective(event.value)) rereads.qdiscsOfLinks.add(event.value.linkIndex)
        // Of one that was changed in place the kernel tells what it was before (u32_change).
        if (isRedirectPlace(event.value)) rereads.redirectsOfLinks.add(event.value.linkIndex)
        return
    }
  }

  private tell(
    isNew: boolean,
    observed: ObservedEntry | undefined,
    options: { beside?: boolean } = {},
  ): void {
    if (observed === undefined) return
    if (isNew) this.emit({ event: 'set', observed, ...options })
    else {
      const mark = options.beside === undefined ? {} : { mark: observed.mark }
      this.emit({ event: 'gone', key: entryKey(observed.entry), ...mark })
    }
  }

  private linkSet(link: Link, rereads: Rereads): void {
    const before = this.links.set(link)
    // This message tells the port's settings too.
    rereads.links.delete(link.index)
    if (before !== undefined && before.name !== link.name) {
      const key = `link ${before.name}`
      this.emit({ event: 'gone', key })
      this.emit({ event: 'parent-gone', parent: key })
      this.emit({ event: 'set', observed: observedLink(link, this.links) })
      this.emit({ event: 'resync', why: `link ${before.name} was renamed to ${link.name}` })
      return
    }
    this.emit({ event: 'set', observed: observedLink(link, this.links) })
    if (!link.up && before?.up === true) rereads.routesOfLinks.add(link.index)
  }

  /** Settings of a bridge port, of which the link's own message tells nothing until it changes itself. */
  private portSet(port: Link, rereads: Rereads): void {
    this.links.setVlans(port)
    const link = this.links.get(port.index)
    // A bridge is told of as if it were a port of its own.
    if (link !== undefined && port.masterIndex === port.index) this.linkSet(link, rereads)
    else if (link === undefined || port.bridgePort === undefined || port.masterIndex !== link.masterIndex) {
      rereads.links.add(port.index)
    } else this.linkSet({ ...link, bridgePort: port.bridgePort }, rereads)
  }

  private linkGone(link: Link, rereads: Rereads): void {
    rereads.links.delete(link.index)
    rereads.routesOfLinks.delete(link.index)
    rereads.redirectsOfLinks.delete(link.index)
    rereads.qdiscsOfLinks.delete(link.index)
    this.links.delete(link.index)
    const key = `link ${link.name}`
    this.emit({ event: 'gone', key })
    this.emit({ event: 'parent-gone', parent: key })
  }
}
