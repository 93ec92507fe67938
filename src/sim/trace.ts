import { textHash } from './random.ts'

/** How many lines are kept for whoever looks into a failure. */
const KEPT = 400

/** What happened, in order: a hash over all of it, and the last lines in full. */
export class Trace {
  private readonly lines: { readonly atMs: number; readonly what: string }[] = []
  private value = 0
  private next = 0

  note(atMs: number, what: string): void {
    this.value = textHash(what, this.value ^ Math.imul(Math.round(atMs * 1000), 0x9e3779b1))
    this.lines[this.next] = { atMs, what }
    this.next = (this.next + 1) % KEPT
  }

  /** Two runs with one hash were the same run. */
  get hash(): string {
    return this.value.toString(16).padStart(8, '0')
  }

  /** The last lines, oldest first. */
  last(count: number): string[] {
    const inOrder = [...this.lines.slice(this.next), ...this.lines.slice(0, this.next)]
    return inOrder
      .slice(-count)
      .map(({ atMs, what }) => `${(atMs / 1000).toFixed(3).padStart(10)} s  ${what}`)
  }
}
