import { attempt } from './errors.ts'
import { native, type PollHandle } from './native.ts'

/** What a poll waits for and reports; bits. */
export const READABLE = 1
export const WRITABLE = 2

/**
 * Watches one descriptor in the event loop (uv_poll over epoll, level-triggered) and keeps the process alive
 * until closed. Close it before the descriptor.
 */
export class Poll {
  private handle: PollHandle | undefined

  constructor(fd: number, events: number, callback: (events: number) => void) {
    this.handle = attempt('watch a descriptor', () => native.pollOpen(fd, events, callback))
  }

  /** Replaces what is waited for. */
  waitFor(events: number): void {
    if (this.handle !== undefined) native.pollEvents(this.handle, events)
  }

  close(): void {
    if (this.handle !== undefined) native.pollClose(this.handle)
    this.handle = undefined
  }
}
