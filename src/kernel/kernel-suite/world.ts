import { silentLogger } from '../../base/index.ts'
import { Graph, type Source } from '../../derive/index.ts'
import { diff } from '../diff.ts'
import { type Entry, entryKey } from '../entry.ts'
import type { Kernel, ObservedEntry } from '../operation.ts'
import { Reconciler } from '../reconciler.ts'
import type { Harness } from './harness.ts'

/** A harness with reconcilers over it. */
export class World {
  readonly harness: Harness
  readonly desired: Source<Entry>
  private readonly graph = new Graph()
  private readonly reconcilers: Reconciler[] = []

  constructor(harness: Harness) {
    this.harness = harness
    this.desired = this.graph.source<Entry>('desired')
  }

  want(entries: readonly Entry[]): void {
    this.desired.replace(entries.map(entry => [entryKey(entry), entry]))
  }

  async start(kernel: Kernel = this.harness.kernel): Promise<Reconciler> {
    const { clock } = this.harness
    const reconciler = new Reconciler({ kernel, desired: this.desired, clock, log: silentLogger })
    this.reconcilers.push(reconciler)
    await reconciler.start()
    await reconciler.settled()
    return reconciler
  }

  /** Starts with these entries desired, and with the pod's namespace at hand. */
  async startWith(entries: readonly Entry[]): Promise<Reconciler> {
    const reconciler = await this.start()
    this.want(entries)
    await reconciler.run(entries.map(entryKey), this.context)
    await reconciler.settled()
    return reconciler
  }

  get context() {
    return { namespaces: new Map([['pod', this.harness.pod.handle]]) }
  }

  async observed(): Promise<Map<string, ObservedEntry>> {
    const kernel = this.harness.restart()
    const items = await kernel.observe([...this.desired.entries()].map(([, entry]) => entry))
    kernel.close()
    return new Map(items.map(item => [entryKey(item.entry), item]))
  }

  /** The plan that is left. */
  async difference(): Promise<string[]> {
    const plan = diff(new Map(this.desired.entries()), await this.observed())
    return [
      ...plan.operations.map(({ op, entry }) => `${op} ${entryKey(entry)}`),
      ...plan.findings.map(({ code, key }) => `${code} ${key}`),
    ]
  }

  async converges(): Promise<void> {
    await this.harness.eventually(async () => (await this.difference()).length === 0)
  }

  async close(): Promise<void> {
    for (const reconciler of this.reconcilers) await reconciler.stop()
  }
}

export function codes(reconciler: Reconciler): string[] {
  return reconciler.findings.map(({ code, key }) => `${code} ${key}`).toSorted()
}
