import { Mutex } from '../../base/index.ts'
import type { RunProgram } from '../../sys/index.ts'
import {
  type Entry,
  entryKey,
  IPTABLES_TABLES,
  type IptablesChainEntry,
  type IptablesTable,
} from '../entry.ts'
import { type Failure, invalid, refusal } from '../netlink/refusals.ts'
import type { KernelEvent, ObservedEntry, Operation } from '../operation.ts'
import { chainLines } from './chain-lines.ts'
import { Programs } from './programs.ts'
import { savedChains } from './saved-chains.ts'

export interface ChainsOptions {
  readonly family: 4 | 6
  readonly run: RunProgram
  readonly emit: (event: KernelEvent) => void
  /** Resolves when `touched` has been called for all that was done by now. */
  readonly catchUp: () => Promise<void>
}

/** Operations with the lines that carry them out. */
interface Due {
  readonly operation: Operation
  readonly lines: readonly string[]
}

/**
 * Chains of ours in the tables of one family, by `iptables-save` and `iptables-restore`: one process for whatever is to
 * be done at once in a table. Who has no such chains, and wants none, has the first look and no process after it.
 */
export class Chains {
  private readonly options: ChainsOptions
  private readonly programs: Programs
  /** Looking and writing one after the other, so that what is told is told in order. */
  private readonly mutex = new Mutex()
  /** By key; as it was seen last, or written. */
  private readonly known = new Map<string, IptablesChainEntry>()
  private hasLooked = false
  private isUsable = false
  private isLookDue = false
  /** Where the kernel tells of transactions: how many there were, and how many of them are our own. */
  private window: { touches: number; writes: number } | undefined

  constructor(options: ChainsOptions) {
    this.options = options
    this.programs = new Programs(options.family, options.run)
  }

  /** What a former life may have left is looked for once; later only who has something there, or wants it, looks. */
  observe(isWanted: boolean): Promise<readonly ObservedEntry[]> {
    return this.mutex.run(async () => {
      if (isWanted || !this.hasLooked || this.known.size > 0) await this.look()
      return this.observed()
    })
  }

  /** Why nothing can be had here, in words; undefined if it can. */
  fault(): Promise<string | undefined> {
    return this.mutex.run(() => (this.isUsable ? undefined : this.probe()))
  }

  /** Somebody changed what is ours, or where it is entered: once a transaction. */
  touched(): void {
    if (this.window !== undefined) this.window.touches += 1
    else if (this.known.size > 0 && !this.isLookDue) {
      this.isLookDue = true
      void this.mutex.run(async () => {
        this.isLookDue = false
        await this.look()
        this.tellAll()
      })
    }
  }

  /** Returns what went wrong, by operation; listeners have been told of the rest. */
  apply(operations: readonly Operation[]): Promise<ReadonlyMap<Operation, Failure>> {
    return this.mutex.run(async () => {
      const failures = new Map<Operation, Failure>()
      const window = { touches: 0, writes: 0 }
      this.window = window
      try {
        await this.carryOut(operations, failures)
        await this.options.catchUp()
      } finally {
        this.window = undefined
      }
      if (window.touches > window.writes) {
        await this.look()
        this.tellAll()
      } else this.tell(operations)
      return failures
    })
  }

  private async carryOut(operations: readonly Operation[], failures: Map<Operation, Failure>): Promise<void> {
    for (const table of IPTABLES_TABLES) {
      const own = operations.filter(({ entry }) => isChain(entry) && entry.table === table)
      await this.carryOutIn(table, own, failures)
    }
  }

  private async carryOutIn(
    table: IptablesTable,
    operations: readonly Operation[],
    failures: Map<Operation, Failure>,
  ): Promise<void> {
    if ((await this.write(table, operations, failures)) === undefined) return
    const fault = await this.probe()
    if (fault === undefined) {
      // What is known may be old.
      await this.look()
      return this.divide(table, operations, failures)
    }
    for (const operation of operations)
      failures.set(operation, refusal(operation, 'kernel.unsupported', fault))
  }

  /** One bad chain does not stop the others. */
  private async divide(
    table: IptablesTable,
    operations: readonly Operation[],
    failures: Map<Operation, Failure>,
  ): Promise<void> {
    const why = await this.write(table, operations, failures)
    if (why === undefined) return
    const [first] = operations
    const middle = operations.length >> 1
    if (middle > 0) {
      await this.divide(table, operations.slice(0, middle), failures)
      await this.divide(table, operations.slice(middle), failures)
    } else if (first !== undefined) failures.set(first, refusal(first, 'kernel.refused', why))
  }

  /** All or nothing. Returns why it was refused; what cannot be asked at all is a failure, and left out. */
  private async write(
    table: IptablesTable,
    operations: readonly Operation[],
    failures: Map<Operation, Failure>,
  ): Promise<string | undefined> {
    const due = operations.flatMap(operation => this.dueOf(operation, failures))
    const lines = due.flatMap(item => item.lines)
    if (lines.length === 0) return undefined
    const why = await this.programs.restore(table, lines)
    if (why !== undefined) return why
    if (this.window !== undefined) this.window.writes += 1
    for (const { operation } of due) this.learn(operation)
    return undefined
  }

  private async probe(): Promise<string | undefined> {
    const fault = await this.programs.probe()
    this.isUsable = fault === undefined
    return fault
  }

  private dueOf(operation: Operation, failures: Map<Operation, Failure>): Due[] {
    const { op, entry } = operation
    if (!isChain(entry)) return []
    failures.delete(operation)
    const before = this.known.get(entryKey(entry))
    if (op === 'create' && before !== undefined) {
      failures.set(operation, refusal(operation, 'kernel.exists', 'there is such a chain already'))
      return []
    }
    try {
      const after = op === 'delete' ? undefined : entry
      return [{ operation, lines: chainLines({ table: entry.table, name: entry.name, before, after }) }]
    } catch (error) {
      failures.set(operation, invalid(operation, error))
      return []
    }
  }

  private learn({ op, entry }: Operation): void {
    if (!isChain(entry)) return
    if (op === 'delete') this.known.delete(entryKey(entry))
    else this.known.set(entryKey(entry), entry)
  }

  /** While nothing can be seen, what was known is known still. */
  private async look(): Promise<void> {
    const saved = await this.programs.save()
    if (saved === undefined) return
    this.hasLooked = true
    this.known.clear()
    for (const chain of savedChains(this.options.family, saved)) this.known.set(entryKey(chain), chain)
  }

  private observed(): readonly ObservedEntry[] {
    return Array.from(this.known.values(), entry => ({ entry, mark: 'ours' }))
  }

  private tell(operations: readonly Operation[]): void {
    for (const { entry } of operations) {
      const key = entryKey(entry)
      const now = this.known.get(key)
      this.options.emit(
        now === undefined ? { event: 'gone', key } : { event: 'set', observed: { entry: now, mark: 'ours' } },
      )
    }
  }

  private tellAll(): void {
    const scope = { kind: 'iptables-chain', family: this.options.family } as const
    this.options.emit({ event: 'replace', scope, entries: this.observed() })
  }
}

function isChain(entry: Entry): entry is IptablesChainEntry {
  return entry.kind === 'iptables-chain'
}
