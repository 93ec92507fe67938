import type { Entry, EntryKind } from '../entry.ts'
import type { ObservedEntry } from '../operation.ts'

export type EntryOf<K extends EntryKind> = Extract<Entry, { kind: K }>

/**
 * How an entry hangs on another: it `vanishes` with it, it `breaks` (a redirect to a deleted link stays, and drops what
 * it should pass on), or it merely comes `loose` (a port of a deleted bridge).
 */
export interface Parent {
  readonly key: string
  readonly bond: 'vanishes' | 'breaks' | 'loose'
}

/** What the differ must know of one kind; all of it pure. The netlink side is in `../netlink/codecs/`. */
export interface KindRules {
  /** Kinds of lower rank are created first and deleted last. */
  readonly rank: number
  /** True: a desired entry replaces whatever is there. False: what does not bear our mark is left alone. */
  readonly overwrites: boolean
  /** What the entry hangs on. */
  parents(entry: Entry): readonly Parent[]
  /** Position among entries of one rank; lower is created first. */
  tier(entry: Entry): number
  /** True if `observed` has everything `desired` asks for. What `desired` leaves absent is not compared. */
  equals(desired: Entry, observed: ObservedEntry): boolean
  /** True if the difference can be mended only by deleting and creating. */
  mustRecreate(desired: Entry, observed: ObservedEntry): boolean
  /**
   * What only one kernel object can have at a time besides the key, as text: a stale entry that occupies what a new
   * one needs must go first. All other deletions come last, so that nothing is interrupted that continues.
   */
  occupies(entry: Entry): readonly string[]
  /** True: when one entry takes what another occupies, the kernel drops the other without a word. */
  readonly supersedes: boolean
}

/** Rules for one kind, written with that kind's type; only `rank` and `equals` are always needed. */
export interface TypedRules<E extends Entry> {
  readonly rank: number
  readonly overwrites?: boolean
  readonly supersedes?: boolean
  parents?(entry: E): readonly Parent[]
  tier?(entry: E): number
  equals(desired: E, observed: E, observedEntry: ObservedEntry): boolean
  mustRecreate?(desired: E, observed: E, observedEntry: ObservedEntry): boolean
  occupies?(entry: E): readonly string[]
}

/** Lifts typed rules to any entry; an entry of another kind is a defect of the caller. */
export function kindRules<K extends EntryKind>(kind: K, typed: TypedRules<EntryOf<K>>): KindRules {
  const {
    rank,
    overwrites = false,
    supersedes = false,
    parents,
    tier,
    equals,
    mustRecreate,
    occupies,
  } = typed
  const own = (entry: Entry): EntryOf<K> => {
    if (isKind(entry, kind)) return entry
    throw new TypeError(`rules of ${kind} were asked about a ${entry.kind}`)
  }
  return {
    rank,
    overwrites,
    supersedes,
    parents: parents === undefined ? () => NONE : entry => parents(own(entry)),
    tier: tier === undefined ? () => 0 : entry => tier(own(entry)),
    equals: (desired, observed) => equals(own(desired), own(observed.entry), observed),
    mustRecreate: (desired, observed) => mustRecreate?.(own(desired), own(observed.entry), observed) ?? false,
    occupies: occupies === undefined ? () => NONE : entry => occupies(own(entry)),
  }
}

const NONE: readonly never[] = []

export function isKind<K extends EntryKind>(entry: Entry, kind: K): entry is EntryOf<K> {
  return entry.kind === kind
}

/** True if every attribute that `desired` gives has the same value in `observed`. */
export function sameWhereGiven<E extends object>(
  desired: E,
  observed: E,
  attributes: readonly (keyof E)[],
): boolean {
  return attributes.every(name => desired[name] === undefined || desired[name] === observed[name])
}

/** Key of a link by its name, as `entryKey` makes it. */
export function linkKey(name: string): string {
  return `link ${name}`
}

/** Vanishes with the link of this name. */
export function onLink(name: string | undefined): readonly Parent[] {
  return name === undefined ? NONE : [{ key: linkKey(name), bond: 'vanishes' }]
}
