import type { Operation } from '../../kernel/index.ts'
import type { Process } from './process.ts'

export interface KernelRates {
  /** Longest time one operation takes, milliseconds; 0 for none at all. */
  readonly operationMs: number
  /** Longest time an event waits in the socket, milliseconds. */
  readonly eventMs: number
  /** Share of operations that fail for no reason of ours (ENOMEM, EBUSY). */
  readonly refusals: number
  /** Share of dumps that are interrupted until the client gives up. */
  readonly interruptions: number
}

/** How kindly one machine's kernel treats its agent; heals all at once. */
export class KernelLuck {
  private readonly random: () => number
  private rates: KernelRates
  /** Pending operations of the next kind fail, for another program was faster. */
  private slips: { readonly kind: string; readonly errno: string }[] = []

  constructor(random: () => number, rates: KernelRates) {
    this.random = random
    this.rates = rates
  }

  heal(): void {
    this.rates = { ...this.rates, refusals: 0, interruptions: 0 }
    this.slips = []
  }

  /** The next operation on one kind of object, by number, is refused: another program was faster. */
  slipIn(number: number): void {
    const kinds = ['link', 'route', 'neighbour', 'fdb', 'address', 'nft-table'] as const
    const errnos = ['EEXIST', 'ENODEV', 'ENOENT'] as const
    this.slips.push({ kind: kinds[number % 6] ?? 'link', errno: errnos[number % 3] ?? 'ENODEV' })
  }

  refusal({ entry }: Operation): { readonly errno: string } | undefined {
    const slip = this.slips.findIndex(({ kind }) => kind === entry.kind)
    if (slip >= 0) return { errno: this.slips.splice(slip, 1)[0]?.errno ?? 'EBUSY' }
    if (this.rates.refusals === 0 || this.random() >= this.rates.refusals) return undefined
    return { errno: this.random() < 0.5 ? 'ENOMEM' : 'EBUSY' }
  }

  interrupted(): boolean {
    return this.rates.interruptions > 0 && this.random() < this.rates.interruptions / 8
  }

  pause(process: Process): Promise<void> | undefined {
    const { operationMs } = this.rates
    if (operationMs === 0) return undefined
    return process.wait(this.random() * operationMs, 'kernel')
  }

  deliverLater(process: Process, fold: () => void): void {
    process.clock.after(this.random() * this.rates.eventMs, fold, 'kernel events')
  }
}
