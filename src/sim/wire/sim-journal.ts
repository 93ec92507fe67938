import type { Kind, KindMap } from '../../model/index.ts'
import type { Journal, LoadedKind, StoredChange } from '../../store/index.ts'

type AnyChange = StoredChange<KindMap[Kind]>

/** The disk of the simulated API server: every change ever made, so that any state of the past can be had again. */
export class SimJournal implements Journal {
  private readonly changes: AnyChange[]

  constructor(changes: readonly AnyChange[] = []) {
    this.changes = [...changes]
  }

  get revision(): number {
    return this.changes.at(-1)?.revision ?? 1
  }

  /** The journal as it was when `revision` was the last: a backup. */
  upTo(revision: number): SimJournal {
    return new SimJournal(this.changes.filter(change => change.revision <= revision))
  }

  load<K extends Kind>(kind: K): LoadedKind<KindMap[K]> {
    const changes = this.changes.filter(change => isOf(kind, change))
    const objects = new Map<string, KindMap[K]>()
    for (const { key, after } of changes) {
      if (after === undefined) objects.delete(key)
      else objects.set(key, after)
    }
    return { objects, changes, droppedUpTo: 0 }
  }

  append(_kind: Kind, change: AnyChange): void {
    this.changes.push(change)
  }
}

function isOf<K extends Kind>(kind: K, change: AnyChange): change is StoredChange<KindMap[K]> {
  return (change.after ?? change.before)?.kind === kind
}
