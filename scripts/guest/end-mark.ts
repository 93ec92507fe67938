/** What came of a piece of the guest's output. */
export interface Piece {
  /** To be shown. */
  readonly text: Buffer
  /** The command's exit status, once it has ended. */
  readonly exitCode?: number
}

const NUL = 0

/**
 * Tells a command's output from the mark behind it, `\0STATUS\n`, wherever the stream is cut. A NUL that the command
 * prints itself passes: only one with digits and a line break, at the very end of what there is, is a mark.
 */
export class EndMarkReader {
  private held = Buffer.alloc(0)

  read(chunk: Buffer): Piece {
    const all = Buffer.concat([this.held, chunk])
    const start = all.lastIndexOf(NUL)
    const tail = start < 0 ? '' : all.toString('latin1', start + 1)
    if (start < 0 || !/^\d{0,3}\n?$/.test(tail)) {
      this.held = Buffer.alloc(0)
      return { text: all }
    }
    const text = all.subarray(0, start)
    if (/^\d{1,3}\n$/.test(tail)) return { text, exitCode: Number(tail) }
    this.held = all.subarray(start)
    return { text }
  }
}
