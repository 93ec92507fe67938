import type { KernelEvent } from '../operation.ts'

/** Called when events begin to wait; `fold` tells of all that wait by then. It may be called late, never is too. */
export type Delivery = (fold: () => void) => void

/**
 * What stands for the event socket of a process: events wait in order until they are folded, by the event loop at
 * some time or by a drain.
 */
export class EventQueue {
  private readonly tell: (event: KernelEvent) => void
  private readonly deliver: Delivery
  private waiting: KernelEvent[] = []
  private full = false

  constructor(tell: (event: KernelEvent) => void, deliver: Delivery = fold => fold()) {
    this.tell = tell
    this.deliver = deliver
  }

  push(event: KernelEvent): void {
    if (this.full) return
    this.waiting.push(event)
    if (this.waiting.length === 1) this.deliver(() => this.drain())
  }

  /** Tells of everything that waits, in order. */
  drain(): void {
    const { waiting } = this
    this.waiting = []
    for (const event of waiting) this.tell(event)
  }

  /** What happens meanwhile is lost; in its place comes that the story has a hole (ENOBUFS). */
  overflow(meanwhile: () => void): void {
    this.full = true
    try {
      meanwhile()
    } finally {
      this.full = false
      this.push({ event: 'resync', why: 'the event queue overflowed' })
    }
  }

  clear(): void {
    this.waiting = []
  }
}
