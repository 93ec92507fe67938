import type { BridgeVlan, Link } from '../../netlink/index.ts'
import type { DeviceLink } from '../entry.ts'

/** Far from the small numbers that people give. */
const FIRST_GROUP = 0x504f_4400

/** Links that somebody waits to see gone. */
class Departure {
  private readonly present: Set<number>
  private readonly done: () => void

  constructor(indexes: readonly number[], done: () => void) {
    this.present = new Set(indexes)
    this.done = done
  }

  left(index: number): void {
    if (this.present.delete(index) && this.present.size === 0) this.done()
  }

  lookAt(links: ReadonlyMap<number, Link>): void {
    for (const index of this.present) if (!links.has(index)) this.left(index)
  }
}

interface MemberVlans {
  /** The bridge they are said for. */
  readonly masterIndex: number | undefined
  readonly vlans: readonly BridgeVlan[]
}

/** Names and indexes of a namespace's links, as far as they are known: from dumps, events and look-ups. */
export class LinkTable {
  private readonly byIndex = new Map<number, Link>()
  private readonly indexes = new Map<string, number>()
  /** By name, until all links are looked at. */
  private readonly newborn = new Map<string, DeviceLink>()
  private readonly departures = new Set<Departure>()
  /** Absent while nobody wants to know. */
  private vlansByIndex: Map<number, MemberVlans> | undefined

  get(index: number): Link | undefined {
    return this.byIndex.get(index)
  }

  nameOf(index: number | undefined): string | undefined {
    return index === undefined ? undefined : this.byIndex.get(index)?.name
  }

  indexOf(name: string): number | undefined {
    return this.indexes.get(name)
  }

  /** For a link that was made a moment ago, and of which no more than this is known. */
  know(link: DeviceLink, index: number): void {
    this.indexes.set(link.name, index)
    this.newborn.set(link.name, link)
  }

  /** As it was made, if links have not been looked at since. */
  birthOf(name: string): DeviceLink | undefined {
    return this.newborn.get(name)
  }

  /** Returns what was known of this index before. */
  set(link: Link): Link | undefined {
    const before = this.byIndex.get(link.index)
    if (before !== undefined) this.forgetName(before)
    this.byIndex.set(link.index, link)
    this.indexes.set(link.name, link.index)
    return before
  }

  /** Of all ports and bridges, as dumped. From now on events are listened to: before, nobody wanted to know. */
  resetVlans(members: Iterable<Link>): void {
    this.vlansByIndex = new Map()
    for (const member of members) this.setVlans(member)
  }

  /** Somebody wants to know of VLANs. */
  get followsVlans(): boolean {
    return this.vlansByIndex !== undefined
  }

  /**
   * Takes down the VLANs that a message of family AF_BRIDGE tells of a port, or of a bridge itself. It may come before
   * the one that says that the link is a port.
   */
  setVlans({ index, masterIndex, bridgeVlans }: Link): void {
    if (bridgeVlans !== undefined) this.vlansByIndex?.set(index, { masterIndex, vlans: bridgeVlans })
  }

  /** Undefined if nobody has told. */
  vlansOf({ index, masterIndex }: Link): readonly BridgeVlan[] | undefined {
    const known = this.vlansByIndex?.get(index)
    // A bridge is told of as if it were a port of its own.
    return known?.masterIndex === (masterIndex ?? index) ? known.vlans : undefined
  }

  delete(index: number): void {
    this.vlansByIndex?.delete(index)
    const link = this.byIndex.get(index)
    if (link === undefined) return
    this.byIndex.delete(index)
    this.forgetName(link)
    for (const departure of this.departures) departure.left(index)
  }

  reset(links: Iterable<Link>): void {
    this.byIndex.clear()
    this.indexes.clear()
    this.newborn.clear()
    this.vlansByIndex = undefined
    for (const link of links) this.set(link)
    for (const departure of this.departures) departure.lookAt(this.byIndex)
  }

  /**
   * Calls back once when all of these have left the table, which events bring about. Returns what ends it.
   * @param indexes of links that are in it
   */
  onDeparture(indexes: readonly number[], fn: () => void): () => void {
    const departure = new Departure(indexes, () => {
      this.departures.delete(departure)
      fn()
    })
    this.departures.add(departure)
    return () => this.departures.delete(departure)
  }

  /** A link group (IFLA_GROUP) that no link is in, as far as is known; 0 is where all are that nobody grouped. */
  unusedGroup(): number {
    const used = new Set([...this.byIndex.values()].map(({ group }) => group))
    let group = FIRST_GROUP
    while (used.has(group)) group += 1
    return group
  }

  *links(): Iterable<Link> {
    yield* this.byIndex.values()
  }

  /** Two links swap names one after the other: the name may be another's already. */
  private forgetName({ name, index }: Link): void {
    if (this.indexes.get(name) === index) this.indexes.delete(name)
  }
}
