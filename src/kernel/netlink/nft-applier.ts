import type { NetlinkClient, Reply, Request } from '../../netlink/index.ts'
import { type Entry, entryKey, type NftElementEntry, type NftSet, type NftTableEntry } from '../entry.ts'
import { tableFingerprint, tableKey } from '../kinds/nft-table.ts'
import type { KernelEvent, Operation } from '../operation.ts'
import { elementRequests } from './codecs/nft-element.ts'
import { createTableRequests, deleteTableRequests } from './codecs/nft-table.ts'
import type { NftObserver } from './nft-observer.ts'
import { type Failure, invalid, refusalOf, setMissing } from './refusals.ts'

/** Operations that travel as one: of a table, or elements of one set that come or go together. */
interface Unit {
  readonly operations: readonly Operation[]
  readonly requests: readonly Request[]
}

/** How often a transaction is tried again without the operations that were refused. */
const ATTEMPTS = 8

/**
 * Carries out nftables operations in one transaction, so that no packet sees half of them. What the kernel refuses is
 * left out and the rest tried again: one bad object does not stop the others.
 */
export class NftApplier {
  private readonly client: NetlinkClient
  private readonly observer: NftObserver

  constructor(client: NetlinkClient, observer: NftObserver) {
    this.client = client
    this.observer = observer
  }

  /** Returns what went wrong, by operation, and the events that tell of the rest. */
  async apply(
    operations: readonly Operation[],
  ): Promise<{ failures: ReadonlyMap<Operation, Failure>; events: KernelEvent[] }> {
    const failures = new Map<Operation, Failure>()
    let units = await this.unitsOf(operations, failures)
    for (let attempt = 1; units.length > 0; attempt += 1) {
      const replies = await this.client.batch(units.flatMap(({ requests }) => requests))
      const refusal = replies.find(reply => !reply.ok)
      if (refusal?.ok !== false) break
      if (attempt === ATTEMPTS) for (const unit of units) this.drop(unit, refusal.error, failures)
      units = attempt === ATTEMPTS ? [] : await this.withoutRefused(units, replies, failures)
    }
    return { failures, events: this.eventsOf(operations, failures) }
  }

  private async unitsOf(
    operations: readonly Operation[],
    failures: Map<Operation, Failure>,
  ): Promise<Unit[]> {
    const created = new Map<string, readonly NftSet[]>()
    const units: Unit[] = []
    for (const group of groups(operations)) {
      const [first] = group
      if (first === undefined) continue
      const { entry } = first
      if (entry.kind === 'nft-table') {
        if (first.op !== 'delete') created.set(entryKey(entry), entry.sets)
        units.push(...this.tableUnits(first, entry, failures))
      } else if (entry.kind === 'nft-element') {
        const fresh = created.get(tableKey(entry.family, entry.table))?.find(({ name }) => name === entry.set)
        const set = fresh ?? this.observer.knownSet(entry) ?? (await this.readSet(group, entry, failures))
        if (set !== undefined) units.push(...this.elementUnits(group, set, failures))
      }
    }
    return units
  }

  /** Undefined if nothing can be done to the group, which is noted. */
  private async readSet(
    group: readonly Operation[],
    element: NftElementEntry,
    failures: Map<Operation, Failure>,
  ): Promise<NftSet | undefined> {
    try {
      const set = await this.observer.setOf(element)
      if (set !== undefined) return set
      for (const operation of group) note(failures, operation, setMissing(operation, element.set))
    } catch (error) {
      for (const operation of group) failures.set(operation, invalid(operation, error))
    }
    return undefined
  }

  private tableUnits(operation: Operation, table: NftTableEntry, failures: Map<Operation, Failure>): Unit[] {
    try {
      return [{ operations: [operation], requests: tableRequests(operation.op, table) }]
    } catch (error) {
      failures.set(operation, invalid(operation, error))
      return []
    }
  }

  private elementUnits(group: readonly Operation[], set: NftSet, failures: Map<Operation, Failure>): Unit[] {
    const elements = group.map(({ entry }) => entry).filter(isElement)
    const op = group[0]?.op === 'delete' ? 'delete' : 'create'
    try {
      return [{ operations: group, requests: elementRequests(op, set, elements) }]
    } catch (error) {
      // Elements that cannot even be encoded: find out which.
      if (group.length > 1) return group.flatMap(operation => this.elementUnits([operation], set, failures))
      for (const operation of group) failures.set(operation, invalid(operation, error))
      return []
    }
  }

  /** Splits what was refused together, drops what was refused alone. */
  private async withoutRefused(
    units: readonly Unit[],
    replies: readonly Reply[],
    failures: Map<Operation, Failure>,
  ): Promise<Unit[]> {
    const rest: Unit[] = []
    let progress = false
    let at = 0
    for (const unit of units) {
      const error = refusalAmong(replies.slice(at, at + unit.requests.length))
      at += unit.requests.length
      if (error === undefined) rest.push(unit)
      else {
        progress = true
        if (unit.operations.length > 1) rest.push(...(await this.split(unit, failures)))
        else this.drop(unit, error, failures)
      }
    }
    if (progress) return rest
    const error = replies.find(reply => !reply.ok)
    if (error?.ok === false) for (const unit of units) this.drop(unit, error.error, failures)
    return []
  }

  private async split(unit: Unit, failures: Map<Operation, Failure>): Promise<Unit[]> {
    const units: Unit[] = []
    for (const operation of unit.operations) units.push(...(await this.unitsOf([operation], failures)))
    return units
  }

  private drop(unit: Unit, error: Parameters<typeof refusalOf>[1], failures: Map<Operation, Failure>): void {
    for (const operation of unit.operations) note(failures, operation, refusalOf(operation, error))
  }

  private eventsOf(
    operations: readonly Operation[],
    failures: ReadonlyMap<Operation, Failure>,
  ): KernelEvent[] {
    const events: KernelEvent[] = []
    for (const operation of operations) {
      const { op, entry } = operation
      if (failures.has(operation)) continue
      if (entry.kind === 'nft-table') this.rememberTable(op, entry)
      if (op !== 'delete') {
        events.push({ event: 'set', observed: { entry, mark: 'ours', ...fingerprintOf(entry) } })
        continue
      }
      const key = entryKey(entry)
      events.push({ event: 'gone', key }, { event: 'parent-gone', parent: key })
    }
    return events
  }

  private rememberTable(op: Operation['op'], { family, name, sets }: NftTableEntry): void {
    if (op === 'delete') this.observer.forget(family, name)
    else this.observer.remember(family, name, sets)
  }
}

function note(failures: Map<Operation, Failure>, operation: Operation, failure: Failure | undefined): void {
  if (failure !== undefined) failures.set(operation, failure)
}

/** Neighbours in the order that are elements of one set and have the same operation. */
function groups(operations: readonly Operation[]): Operation[][] {
  const result: Operation[][] = []
  for (const operation of operations) {
    const last = result.at(-1)
    if (last?.[0] !== undefined && belongTogether(last[0], operation)) last.push(operation)
    else result.push([operation])
  }
  return result
}

function belongTogether(a: Operation, b: Operation): boolean {
  if (a.op !== b.op || !isElement(a.entry) || !isElement(b.entry)) return false
  return a.entry.set === b.entry.set && a.entry.table === b.entry.table && a.entry.family === b.entry.family
}

function isElement(entry: Entry): entry is NftElementEntry {
  return entry.kind === 'nft-element'
}

function tableRequests(op: Operation['op'], table: NftTableEntry): Request[] {
  if (op === 'delete') return deleteTableRequests(table)
  return createTableRequests(table)
}

/** The refusal that is this unit's own, not one of the messages that were rolled back with it. */
function refusalAmong(replies: readonly Reply[]): Parameters<typeof refusalOf>[1] | undefined {
  for (const reply of replies) {
    if (!reply.ok && reply.error.code !== 'netlink.rolled-back') return reply.error
  }
  return undefined
}

function fingerprintOf(entry: Entry): { fingerprint?: string } {
  return entry.kind === 'nft-table' ? { fingerprint: tableFingerprint(entry) } : {}
}
