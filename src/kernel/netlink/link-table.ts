import type { Link } from '../../netlink/index.ts'

/** Far from the small numbers that people give. */
const FIRST_GROUP = 0x504f_4400

/** Names and indexes of a namespace's links, as far as they are known: from dumps, events and look-ups. */
export class LinkTable {
  private readonly byIndex = new Map<number, Link>()
  private readonly indexes = new Map<string, number>()

  get(index: number): Link | undefined {
    return this.byIndex.get(index)
  }

  nameOf(index: number | undefined): string | undefined {
    return index === undefined ? undefined : this.byIndex.get(index)?.name
  }

  indexOf(name: string): number | undefined {
    return this.indexes.get(name)
  }

  /** Returns what was known of this index before. */
  set(link: Link): Link | undefined {
    const before = this.byIndex.get(link.index)
    if (before !== undefined) this.forgetName(before)
    this.byIndex.set(link.index, link)
    this.indexes.set(link.name, link.index)
    return before
  }

  delete(index: number): void {
    const link = this.byIndex.get(index)
    if (link === undefined) return
    this.byIndex.delete(index)
    this.forgetName(link)
  }

  /** Makes the next look-up ask the kernel. */
  forget(name: string): void {
    const index = this.indexes.get(name)
    if (index !== undefined) this.delete(index)
  }

  reset(links: Iterable<Link>): void {
    this.byIndex.clear()
    this.indexes.clear()
    for (const link of links) this.set(link)
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
