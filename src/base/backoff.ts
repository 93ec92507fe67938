/** How long to wait before try after try: doubling, capped, with jitter so that a crowd does not return at once. */
export interface BackoffOptions {
  readonly firstMs: number
  readonly maxMs: number
  /** Uniform in [0, 1); injected so that a simulation repeats. */
  readonly random: () => number
}

export class Backoff {
  private attempts = 0
  private readonly options: BackoffOptions

  constructor(options: BackoffOptions) {
    this.options = options
  }

  /** The next delay in milliseconds: between half of the nominal value and the whole of it. */
  nextMs(): number {
    const { firstMs, maxMs, random } = this.options
    const nominal = Math.min(maxMs, firstMs * 2 ** this.attempts)
    this.attempts += 1
    return nominal / 2 + (nominal / 2) * random()
  }

  reset(): void {
    this.attempts = 0
  }
}
