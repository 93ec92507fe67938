/** Something that is to happen. */
export interface PlannedEvent {
  readonly deadlineMs: number
  /** Decides between equal deadlines; drawn from the seed. */
  readonly tie: number
  /** Decides between equal ties: what was asked for first. */
  readonly order: number
  readonly what: string
  /** Undefined once it was cancelled or carried out. */
  fn: (() => void) | undefined
}

/** What happens next, always: a binary heap. Cancelled events are dropped when they come to the top. */
export class EventQueue {
  private readonly heap: PlannedEvent[] = []

  push(event: PlannedEvent): void {
    const { heap } = this
    let hole = heap.length
    heap.push(event)
    while (hole > 0) {
      const parent = (hole - 1) >> 1
      const above = heap[parent]
      if (above === undefined || !before(event, above)) break
      heap[hole] = above
      hole = parent
    }
    heap[hole] = event
  }

  /** The next event that was not cancelled; it stays in the queue. */
  peek(): PlannedEvent | undefined {
    for (;;) {
      const first = this.heap[0]
      if (first === undefined || first.fn !== undefined) return first
      this.drop()
    }
  }

  pop(): PlannedEvent | undefined {
    const first = this.peek()
    if (first !== undefined) this.drop()
    return first
  }

  private drop(): void {
    const { heap } = this
    const last = heap.pop()
    if (last === undefined || heap.length === 0) return
    let hole = 0
    for (;;) {
      const left = 2 * hole + 1
      const a = heap[left]
      const b = heap[left + 1]
      const below = b !== undefined && a !== undefined && before(b, a) ? b : a
      if (below === undefined || !before(below, last)) break
      heap[hole] = below
      hole = below === a ? left : left + 1
    }
    heap[hole] = last
  }
}

function before(a: PlannedEvent, b: PlannedEvent): boolean {
  if (a.deadlineMs !== b.deadlineMs) return a.deadlineMs < b.deadlineMs
  return a.tie === b.tie ? a.order < b.order : a.tie < b.tie
}
