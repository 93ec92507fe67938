import { settle } from '../base/index.ts'
import type { Change, Collection } from '../derive/index.ts'
import { ChildIndex } from './child-index.ts'
import { diffKeys, type Plan } from './diff.ts'
import { type Entry, entryKey } from './entry.ts'
import { rulesOf } from './kinds/index.ts'
import { isSetting, linkOfSetting } from './kinds/setting.ts'
import type { LiveMirror } from './live-mirror.ts'
import type { KernelEvent, ObservedEntry, SettingReader } from './operation.ts'
import { isMarked, isOfItsLink } from './ownership.ts'
import { Planner, type World } from './planner.ts'

/** Keyed by `entryKey`. */
export type DesiredEntries = Pick<Collection<Entry>, 'get' | 'entries' | 'subscribe'>

/** Keys between two breaths of the event loop, when they are looked at and when they are planned for. */
const BREATH = 1000
const PLANNING_BREATH = 250

/** What is desired of a namespace beside what it holds, and what sets them apart. */
export class Comparison implements World {
  private readonly entries: DesiredEntries
  private readonly mirror: LiveMirror
  private readonly children = new ChildIndex()

  constructor(desired: DesiredEntries, mirror: LiveMirror) {
    this.entries = desired
    this.mirror = mirror
  }

  /** Takes up what is desired now; from then on, `follow` every change. */
  begin(): void {
    for (const [key, entry] of this.entries.entries()) this.children.add(key, entry)
  }

  desired(key: string): Entry | undefined {
    return this.entries.get(key)
  }

  observed(key: string): ObservedEntry | undefined {
    return this.mirror.current.get(key)
  }

  desiredChildren(key: string): Iterable<string> {
    return this.children.of(key)
  }

  observedChildren(key: string): Iterable<string> {
    return this.mirror.current.childrenOf(key)
  }

  *desiredEntries(): Iterable<Entry> {
    for (const [, entry] of this.entries.entries()) yield entry
  }

  /** Keeps up with a change of what is desired. */
  follow({ key, before, after }: Change<Entry>): void {
    if (before !== undefined) this.children.delete(key, before)
    if (after !== undefined) this.children.add(key, after)
  }

  /** Folds an event; returns the keys to look at. A link that appears is what its desired children waited for. */
  fold(event: KernelEvent): readonly string[] {
    const entry = event.event === 'set' ? event.observed.entry : undefined
    if (entry?.kind !== 'link') return this.mirror.fold(event)
    const key = entryKey(entry)
    const isNew = this.observed(key) === undefined
    const touched = this.mirror.fold(event)
    return isNew ? [...touched, ...this.children.of(key)] : touched
  }

  /** A quick look at one key, without what hangs together; when in doubt, false. */
  isConverged(key: string): boolean {
    const desired = this.desired(key)
    const observed = this.observed(key)
    if (desired !== undefined) {
      if (observed === undefined || !rulesOf(desired).equals(desired, observed)) return false
      return observed.mark === 'ours' || !isMarked(desired)
    }
    if (observed === undefined) return true
    return observed.mark === 'foreign' && !isOfItsLink(observed.entry)
  }

  /** Calls `found` with every key that is not converged; at rest there is none. */
  async eachUnconverged(found: (key: string) => void): Promise<void> {
    let looked = 0
    for (const key of this.allKeys()) {
      if (!this.isConverged(key)) found(key)
      looked += 1
      if (looked % BREATH === 0) await settle()
    }
  }

  /** What it takes to converge these keys. */
  plan(keys: Iterable<string>): Plan {
    return diffKeys(keys, this)
  }

  /** The same with breaths of the event loop between: what it says of a key may be old when it is done. */
  async planUnhurried(keys: Iterable<string>): Promise<Plan> {
    const planner = new Planner(this)
    for (const key of keys) planner.consider(key)
    while (planner.decideSome(PLANNING_BREATH)) await settle()
    return planner.finish()
  }

  /** Settings cannot be dumped: one that was not desired when everything was observed is looked at when it is. */
  readUnknownSettings(keys: Iterable<string>, kernel: SettingReader): void {
    const unknown = [...keys].filter(key => this.observed(key) === undefined)
    if (unknown.length > 0) this.readSettings(unknown, kernel)
  }

  /** No event tells of every setting that another program has changed. Returns the keys of those that were read. */
  readSettings(keys: Iterable<string>, kernel: SettingReader): readonly string[] {
    const touched: string[] = []
    for (const key of keys) {
      const desired = this.desired(key)
      if (desired === undefined || !isSetting(desired)) continue
      const link = linkOfSetting(desired)
      if (link !== undefined && this.observed(`link ${link}`) === undefined) continue
      const observed = kernel.readSetting(desired)
      if (observed !== undefined) touched.push(...this.mirror.fold({ event: 'set', observed }))
    }
    return touched
  }

  private *allKeys(): Iterable<string> {
    for (const [key] of this.entries.entries()) yield key
    for (const key of this.mirror.current.keys()) if (this.desired(key) === undefined) yield key
  }
}
