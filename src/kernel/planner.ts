import type { Entry, LinkEntry } from './entry.ts'
import { foreignEqual, foreignInTheWay, linkMissing, servesOthers } from './findings.ts'
import { rulesOf } from './kinds/index.ts'
import { isMoved, sameDefinition } from './kinds/link.ts'
import type { Parent } from './kinds/rules.ts'
import type { Finding, ObservedEntry, Operation } from './operation.ts'
import { sortForCreation } from './order.ts'
import { isLinkLocal, isMarked, isOurs } from './ownership.ts'

/** What is wanted and what is there, by key, with the children of links and nft tables on both sides. */
export interface World {
  desired(key: string): Entry | undefined
  observed(key: string): ObservedEntry | undefined
  desiredChildren(parentKey: string): Iterable<string>
  observedChildren(parentKey: string): Iterable<string>
}

/**
 * What this plan does to something others hang on. `absent`: it is not there and will not be. `blocked`: something
 * foreign is in its place. `born` and `reborn`: its children must come (again). `dies`: its children go with it.
 */
type Fate = 'lives' | 'adopted' | 'born' | 'reborn' | 'dies' | 'absent' | 'blocked'

/** Operations that must stay together, in the place that `entry` has in the order of creation. */
interface Step {
  readonly entry: Entry
  readonly operations: Operation[]
}

/** Collects the plan for some keys. Use once: `consider` every key, then `finish`. */
export class Planner {
  private readonly world: World
  private readonly considered = new Set<string>()
  private readonly waiting: string[] = []
  private readonly fates = new Map<string, Fate>()
  private readonly steps: Step[] = []
  private readonly stale: Operation[] = []
  private readonly findings = new Map<string, Finding>()

  constructor(world: World) {
    this.world = world
  }

  consider(key: string): void {
    this.waiting.push(key)
  }

  /** Decides at most so many keys; true if more are waiting. */
  decideSome(count: number): boolean {
    for (let decided = 0; decided < count; decided += 1) {
      const key = this.waiting.pop()
      if (key === undefined) return false
      if (this.considered.has(key)) continue
      this.considered.add(key)
      this.decide(key)
    }
    return this.waiting.length > 0
  }

  /** Decides all that are left, and puts the operations in order. */
  finish(): { operations: Operation[]; findings: Finding[] } {
    this.decideSome(Number.POSITIVE_INFINITY)
    return { operations: this.inOrder(), findings: [...this.findings.values()] }
  }

  /** Creations and changes, each after the deletions of what occupies what it needs; other stale entries go last. */
  private inOrder(): Operation[] {
    const steps = sortForCreation(this.steps.toReversed())
    const occupants = this.occupants()
    if (occupants.size > 0) return this.displacing(occupants, steps)
    return steps.flatMap(({ operations }) => operations).concat(sortForCreation(this.stale).toReversed())
  }

  /** The same where something has to make room. */
  private displacing(
    occupants: ReadonlyMap<string, readonly Operation[]>,
    steps: readonly Step[],
  ): Operation[] {
    const done = new Set<Operation>()
    const operations: Operation[] = []
    for (const step of steps) {
      const needed = rulesOf(step.entry).occupies(step.entry)
      for (const operation of needed.flatMap(token => occupants.get(token) ?? [])) {
        if (done.has(operation) || step.operations.includes(operation)) continue
        operations.push(operation.why === 'stale' ? { ...operation, why: 'displaced' } : operation)
        done.add(operation)
      }
      operations.push(...step.operations.filter(operation => !done.has(operation)))
      for (const operation of step.operations) done.add(operation)
    }
    const late = this.stale.filter(operation => !done.has(operation))
    return [...operations, ...sortForCreation(late).toReversed()]
  }

  /** By what is occupied: the deletions that set it free, of what is stale and of what is made again elsewhere. */
  private occupants(): Map<string, Operation[]> {
    const remade = this.steps.flatMap(({ operations }) => operations.filter(({ op }) => op === 'delete'))
    const occupants = new Map<string, Operation[]>()
    for (const operation of [...this.stale, ...remade]) {
      for (const token of rulesOf(operation.entry).occupies(operation.entry)) {
        occupants.set(token, [...(occupants.get(token) ?? []), operation])
      }
    }
    return occupants
  }

  private decide(key: string): void {
    const fate = this.fateOf(key)
    const desired = this.world.desired(key)
    const seen = this.world.observed(key)
    if (desired === undefined) {
      if (fate === 'dies' && seen !== undefined) this.decideStale(seen)
      return
    }
    if (fate === 'absent' || fate === 'blocked') return this.explain(key, desired, seen)
    const entry = this.asSeen(seen)
    if (entry === undefined) return this.step(desired, [{ op: 'create', entry: desired, why: 'missing' }])
    this.decideSeen(key, desired, entry)
  }

  /** Deleted, unless it goes with its parent anyway. */
  private decideStale(seen: ObservedEntry): void {
    const goesAlong = this.vanishingParents(seen.entry).some(parent => {
      const fate = this.fateOf(parent.key)
      if (fate === 'dies') this.consider(parent.key)
      return fate === 'dies' || fate === 'reborn'
    })
    if (goesAlong) return
    this.stale.push({ op: 'delete', entry: seen.entry, before: seen.entry, why: 'stale' })
  }

  private decideSeen(key: string, desired: Entry, seen: ObservedEntry): void {
    const rules = rulesOf(desired)
    if (desired.kind === 'link') return this.decideLink(desired, seen)
    if (rules.equals(desired, seen)) {
      if (isMarked(desired) && seen.mark === 'foreign') this.find(foreignEqual(key, seen))
      return
    }
    // Which of the two a change would hit is the kernel's secret.
    if (seen.beside !== undefined) {
      return this.find(foreignInTheWay(key, desired, { entry: seen.beside, mark: 'foreign' }))
    }
    const change: Operation = { op: 'change', entry: desired, before: seen.entry, why: 'differs' }
    if (rules.overwrites) return this.step(desired, [change])
    if (!this.ours(seen)) return this.find(foreignInTheWay(key, desired, seen))
    if (rules.mustRecreate(desired, seen)) return this.recreate(desired, seen)
    this.step(desired, [change])
  }

  private decideLink(desired: LinkEntry, seen: ObservedEntry): void {
    if (rulesOf(desired).equals(desired, seen)) return
    if (desired.claim === 'own' && seen.mark === 'ours' && rulesOf(desired).mustRecreate(desired, seen)) {
      return this.recreate(desired, seen)
    }
    if (desired.claim === 'use' || seen.mark === 'ours' || seen.entry.kind !== 'link') {
      return this.step(desired, [{ op: 'change', entry: desired, before: seen.entry, why: 'differs' }])
    }
    const adopted: LinkEntry = { ...seen.entry, claim: 'own', owner: desired.owner }
    const operations: Operation[] = [{ op: 'adopt', entry: desired, before: seen.entry, why: 'adopt' }]
    if (!rulesOf(desired).equals(desired, { ...seen, entry: adopted, mark: 'ours' })) {
      operations.push({ op: 'change', entry: desired, before: adopted, why: 'differs' })
    }
    this.step(desired, operations)
  }

  private recreate(desired: Entry, seen: ObservedEntry): void {
    this.step(desired, [
      { op: 'delete', entry: seen.entry, before: seen.entry, why: 'differs' },
      { op: 'create', entry: desired, before: seen.entry, why: 'differs' },
    ])
  }

  /** What will be there when its turn comes: nothing, if a parent is made again; no master, if that one is. */
  private asSeen(seen: ObservedEntry | undefined): ObservedEntry | undefined {
    if (seen === undefined || this.goesWithParent(seen)) return undefined
    const { entry } = seen
    if (entry.kind !== 'link' || entry.master === undefined) return seen
    const masterFate = this.fateOf(`link ${entry.master}`)
    if (masterFate !== 'reborn' && masterFate !== 'dies') return seen
    const { master: _gone, bridgePort: _settings, ...loose } = entry
    return { ...seen, entry: loose }
  }

  /** True if a parent is deleted and made again in this plan, and what is there now goes along, or is of no use. */
  private goesWithParent({ entry }: ObservedEntry): boolean {
    for (const { key, bond } of rulesOf(entry).parents(entry)) {
      if (bond !== 'loose' && this.fateOf(key) === 'reborn') return true
    }
    return false
  }

  private fateOf(key: string): Fate {
    const known = this.fates.get(key)
    if (known !== undefined) return known
    // A cycle of parents (which the kernel could not hold) must end somewhere.
    this.fates.set(key, 'lives')
    const fate = this.findFate(key)
    this.fates.set(key, fate)
    this.bringAlong(key, fate)
    return fate
  }

  private findFate(key: string): Fate {
    const desired = this.world.desired(key)
    const seen = this.world.observed(key)
    if (desired === undefined) {
      if (seen === undefined) return 'absent'
      return this.ours(seen) ? 'dies' : 'lives'
    }
    for (const parent of rulesOf(desired).parents(desired)) {
      const fate = this.fateOf(parent.key)
      if (fate === 'absent' || fate === 'dies' || fate === 'blocked') return 'blocked'
    }
    if (seen === undefined) return desired.kind === 'link' && desired.claim === 'use' ? 'absent' : 'born'
    if (this.goesWithParent(seen)) return 'reborn'
    return this.fateOfSeen(key, desired, seen)
  }

  private fateOfSeen(key: string, desired: Entry, seen: ObservedEntry): Fate {
    const rules = rulesOf(desired)
    if (desired.kind === 'link' && seen.entry.kind === 'link') {
      if (desired.claim === 'use') return 'lives'
      const same = sameDefinition(desired, seen.entry)
      // A device that was moved here is not displaced: only who moved it knows where it goes back to.
      if (seen.mark === 'ours') return same ? 'lives' : isMoved(seen.entry) ? 'blocked' : 'reborn'
      return same && this.othersUse(key) === undefined ? 'adopted' : 'blocked'
    }
    if (desired.kind !== 'nft-table') return 'lives'
    if (rules.equals(desired, seen)) return 'lives'
    return seen.mark === 'ours' ? 'reborn' : 'blocked'
  }

  /**
   * An address that shows that a foreign link serves others: nobody here wants it, and ports of others are attached.
   * With the link we would adopt the address, and take it away from them.
   */
  private othersUse(key: string): string | undefined {
    let address: string | undefined
    let hasPorts = false
    for (const child of this.world.observedChildren(key)) {
      const seen = this.world.observed(child)
      if (seen?.entry.kind === 'link') hasPorts ||= seen.mark === 'foreign' && seen.entry.master !== undefined
      if (seen?.entry.kind !== 'address' || this.world.desired(child) !== undefined) continue
      if (!isLinkLocal(seen.entry.address)) address ??= seen.entry.address
    }
    return hasPorts ? address : undefined
  }

  private bringAlong(key: string, fate: Fate): void {
    if (fate === 'born' || fate === 'reborn') {
      this.consider(key)
      for (const child of this.world.desiredChildren(key)) this.consider(child)
    }
    if (fate === 'adopted') {
      this.consider(key)
      for (const child of this.world.observedChildren(key)) this.consider(child)
    }
  }

  /** Why a desired entry cannot be had: what is in its place, or the link it needs. */
  private explain(key: string, desired: Entry, seen: ObservedEntry | undefined): void {
    if (desired.kind === 'link' && desired.claim === 'use' && seen === undefined) {
      return this.find(linkMissing(desired.name, desired))
    }
    for (const parent of rulesOf(desired).parents(desired)) {
      const fate = this.fateOf(parent.key)
      if (fate === 'blocked') return this.consider(parent.key)
      if (fate === 'absent' || fate === 'dies') return this.missing(parent, desired)
    }
    if (seen === undefined) return
    const address = desired.kind === 'link' ? this.othersUse(key) : undefined
    this.find(
      address === undefined ? foreignInTheWay(key, desired, seen) : servesOthers(key, desired, address),
    )
  }

  private missing(parent: Parent, desired: Entry): void {
    if (this.findings.has(parent.key)) return
    const name = parent.key.replace(/^link /, '')
    this.find(linkMissing(name, this.world.desired(parent.key) ?? desired))
  }

  private ours(seen: ObservedEntry): boolean {
    return isOurs(seen, entry =>
      this.vanishingParents(entry).some(({ key }) => {
        const desired = this.world.desired(key)
        if (desired?.kind === 'link') return desired.claim === 'own' && this.fateOf(key) !== 'blocked'
        return this.world.observed(key)?.mark === 'ours'
      }),
    )
  }

  private vanishingParents(entry: Entry): readonly Parent[] {
    return rulesOf(entry)
      .parents(entry)
      .filter(({ bond }) => bond === 'vanishes')
  }

  private step(entry: Entry, operations: Operation[]): void {
    this.steps.push({ entry, operations })
  }

  private find(finding: Finding): void {
    this.findings.set(finding.key, finding)
  }
}
