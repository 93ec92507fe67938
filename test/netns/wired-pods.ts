import assert from 'node:assert/strict'
import { type Attachment } from '../../src/attach/index.ts'
import {
  type ApplyContext,
  applyOnce,
  checkOnce,
  type Entry,
  entryKey,
  formatEntry,
  NetlinkKernel,
} from '../../src/kernel/index.ts'
import { Netns } from '../../src/sys/index.ts'
import { run } from './kernel-harness.ts'

/** A host and its pods as namespaces, wired by what planners say and nothing else. */
export class WiredPods implements Disposable {
  readonly host = Netns.create()
  private readonly hostKernel = new NetlinkKernel({ netns: this.host })
  private readonly pods = new Map<Netns, NetlinkKernel>()
  private readonly shared = new Set<string>()

  constructor() {
    run(this.host, ['ip', 'link', 'set', 'lo', 'up'])
  }

  /** Everything is done without a refusal, and afterwards nothing is left to be done. */
  async attach(plan: (netns: string) => Attachment): Promise<Netns> {
    const pod = Netns.create()
    this.pods.set(pod, new NetlinkKernel({ netns: pod }))
    const { host, shared, pod: inside } = plan('pod')
    // What the pods share is there from the second one on.
    const first = shared.filter(entry => !this.shared.has(entryKey(entry)))
    for (const entry of first) this.shared.add(entryKey(entry))
    await converge(this.hostKernel, [...first, ...host], { namespaces: new Map([['pod', pod]]) })
    await this.chain(pod, () => inside)
    return pod
  }

  /** The same for what is further down a chain, planned by what is there. */
  async chain(pod: Netns, plan: (present: readonly Entry[]) => readonly Entry[]): Promise<void> {
    const kernel = this.pods.get(pod)
    assert.ok(kernel !== undefined)
    const present = await kernel.observe()
    await converge(kernel, plan(present.map(({ entry }) => entry)))
  }

  [Symbol.dispose](): void {
    for (const [pod, kernel] of this.pods) {
      kernel.close()
      pod.close()
    }
    this.hostKernel.close()
    this.host.close()
  }
}

async function converge(
  kernel: NetlinkKernel,
  entries: readonly Entry[],
  context?: ApplyContext,
): Promise<void> {
  const outcomes = await applyOnce(kernel, entries, context)
  const failed = outcomes.filter(({ error }) => error !== undefined)
  assert.deepEqual(
    failed.map(({ operation, error }) => [formatEntry(operation.entry), error?.message]),
    [],
  )
  const left = await checkOnce(kernel, entries)
  assert.deepEqual(
    left.map(({ op, entry }) => `${op} ${formatEntry(entry)}`),
    [],
  )
}
