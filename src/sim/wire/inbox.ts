/** The body of an answer on its way into a client: pieces in order, then an end or a failure. */
export class Inbox implements AsyncIterable<string> {
  private readonly pieces: string[] = []
  private readonly onClose: () => void
  private ending: { readonly error?: Error } | undefined
  private waiting: PromiseWithResolvers<void> | undefined

  /** @param onClose called when the reader leaves, before or after the end */
  constructor(onClose: () => void) {
    this.onClose = onClose
  }

  push(piece: string): void {
    if (this.ending === undefined) this.pieces.push(piece)
    this.wake()
  }

  end(): void {
    this.ending ??= {}
    this.wake()
  }

  /** What has been pushed and not been read is lost with the connection. */
  fail(error: Error): void {
    this.ending ??= { error }
    this.pieces.length = 0
    this.wake()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<string> {
    try {
      for (;;) {
        const piece = this.pieces.shift()
        if (piece !== undefined) yield piece
        else if (this.ending?.error !== undefined) throw this.ending.error
        else if (this.ending !== undefined) return
        else await this.more()
      }
    } finally {
      this.onClose()
    }
  }

  private more(): Promise<void> {
    this.waiting = Promise.withResolvers()
    return this.waiting.promise
  }

  private wake(): void {
    this.waiting?.resolve()
    this.waiting = undefined
  }
}
