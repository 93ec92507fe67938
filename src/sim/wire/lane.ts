import type { Timer } from '../../base/index.ts'

export interface LaneOptions {
  /** How long the way is for what is sent now, ms. */
  readonly delayMs: () => number
  /** Nothing arrives meanwhile; what is under way waits for `nudge`. */
  readonly blocked: () => boolean
  /** Whoever receives lends its clock: a paused process takes nothing, a dead one never. */
  readonly after: (delayMs: number, arrive: () => void) => Timer
}

/** One direction of one connection: what is sent arrives in order, and what is sent in one breath arrives in one. */
export class Lane {
  private readonly options: LaneOptions
  private readonly underWay: (() => void)[] = []
  private timer: Timer | undefined

  constructor(options: LaneOptions) {
    this.options = options
  }

  /** How much has been sent and has not arrived. */
  get length(): number {
    return this.underWay.length
  }

  /** @param arrival what happens where it arrives */
  send(arrival: () => void): void {
    this.underWay.push(arrival)
    this.move()
  }

  /** The line has changed: what is under way sets out anew. */
  nudge(): void {
    this.timer?.cancel()
    this.timer = undefined
    this.move()
  }

  private move(): void {
    const { delayMs, blocked, after } = this.options
    if (this.timer !== undefined || this.underWay.length === 0 || blocked()) return
    this.timer = after(delayMs(), () => {
      this.timer = undefined
      if (blocked()) return
      for (const arrive of this.underWay.splice(0)) arrive()
    })
  }
}
