import type { Clock, Timer } from '../../base/index.ts'
import { type Palette } from './palette.ts'
import { renderStep, type StepView } from './step-list.ts'

/** Where text goes: standard output, or a test's array. */
export interface Screen {
  /** Live redrawing is possible. */
  readonly isTerminal: boolean
  readonly width: number
  write(text: string): void
}

/** How a step ended, as its author tells it. */
export interface StepEnd {
  readonly ok: boolean
  readonly headline: string
  readonly figures?: string
  readonly details?: readonly string[]
}

/**
 * Shows steps one after another. On a terminal the running step is one live line with a spinner; in a pipe only
 * finished steps are printed, each once.
 */
export class Progress {
  private readonly screen: Screen
  private readonly palette: Palette
  private readonly clock: Clock
  private running: { headline: string; activity?: string; startMs: number } | undefined
  private timer: Timer | undefined
  private frame = 0

  constructor(options: { screen: Screen; palette: Palette; clock: Clock }) {
    this.screen = options.screen
    this.palette = options.palette
    this.clock = options.clock
  }

  /** Begins a step, or renames the one that runs. */
  start(headline: string): void {
    this.running = { headline, startMs: this.clock.nowMs() }
    this.draw()
    if (this.screen.isTerminal && this.timer === undefined) this.tick()
  }

  /** What the running step is doing now. */
  activity(text: string): void {
    if (this.running === undefined) return
    this.running = { ...this.running, activity: text }
    this.draw()
  }

  /** Ends the running step; its lines stay. Returns how long it took, in milliseconds. */
  end(end: StepEnd): number {
    const elapsedMs = this.elapsedMs()
    this.clear()
    const view: StepView = { ...end, state: end.ok ? 'done' : 'failed', elapsedMs }
    this.print(this.render(view))
    return elapsedMs
  }

  /** Lines that belong to no step; the running one, if any, is drawn again below them. */
  print(lines: readonly string[]): void {
    this.erase()
    this.screen.write(lines.map(line => `${line}\n`).join(''))
    this.draw()
  }

  /** Takes the running step off the screen without a word. */
  clear(): void {
    this.timer?.cancel()
    this.timer = undefined
    this.erase()
    this.running = undefined
  }

  private elapsedMs(): number {
    return this.running === undefined ? 0 : this.clock.nowMs() - this.running.startMs
  }

  private tick(): void {
    this.timer = this.clock.after(80, () => {
      this.frame += 1
      this.draw()
      this.tick()
    })
  }

  private draw(): void {
    if (this.running === undefined || !this.screen.isTerminal) return
    const { headline, activity } = this.running
    const view: StepView = {
      state: 'running',
      headline,
      elapsedMs: this.elapsedMs(),
      ...(activity === undefined ? {} : { activity }),
    }
    this.erase()
    this.screen.write(this.render(view).join('\n'))
  }

  /** Back to the beginning of the line, and clear it (EL 2). */
  private erase(): void {
    if (this.running !== undefined && this.screen.isTerminal) this.screen.write('\r\u001b[2K')
  }

  private render(view: StepView): string[] {
    return renderStep(view, { width: this.screen.width, palette: this.palette, frame: this.frame })
  }
}
