import { statSync, utimesSync } from 'node:fs'
import type { Clock } from './clock.ts'

export interface DirectoryChangesOptions {
  readonly directory: string
  readonly clock: Clock
  /** Uniform in [0, 1). */
  readonly random: () => number
}

/**
 * Whether others have made, removed or renamed something in a directory, at the price of one system call.
 *
 * The kernel gives all changes of one timer tick the same time. So that one of another program never hides behind one
 * of ours, the directory gets a time of its own whenever it is taken note of: one in the past, which no change can have.
 */
export class DirectoryChanges {
  private readonly options: DirectoryChangesOptions
  private notedMtimeNs: bigint | undefined
  private stamped = false

  constructor(options: DirectoryChangesOptions) {
    this.options = options
  }

  /** Nothing has changed since it was taken note of, as far as its time tells. */
  get none(): boolean {
    return this.notedMtimeNs !== undefined && this.mtimeNs() === this.notedMtimeNs
  }

  /** False if a change may go unseen: the directory is not ours to stamp, or its file system keeps coarser times. */
  get certain(): boolean {
    return this.stamped
  }

  /** All changes so far are known, or will be in a moment. */
  takeNote(): void {
    const { clock, random } = this.options
    const stamp = clock.wallMs() / 1000 - 1 - random()
    const allowed = this.setMtime(stamp)
    this.notedMtimeNs = this.mtimeNs()
    this.stamped = allowed && Math.abs(Number(this.notedMtimeNs ?? 0n) / 1e9 - stamp) < 1e-5
  }

  /** What was to be noted could not be: the next look is at everything again. */
  forget(): void {
    this.notedMtimeNs = undefined
    this.stamped = false
  }

  private mtimeNs(): bigint | undefined {
    return statSync(this.options.directory, { bigint: true, throwIfNoEntry: false })?.mtimeNs
  }

  /** @returns false where it is not allowed: only a directory's owner may give it any time */
  private setMtime(seconds: number): boolean {
    try {
      utimesSync(this.options.directory, seconds, seconds)
      return true
    } catch {
      return false
    }
  }
}
