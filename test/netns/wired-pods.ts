import assert from 'node:assert/strict'
import { type Attachment, type AttachmentSpec, HOST_NETNS, removedOnDelete } from '../../src/attach/index.ts'
import {
  type ApplyContext,
  applyOnce,
  checkOnce,
  type Entry,
  entryKey,
  formatEntry,
  NetlinkKernel,
  type Outcome,
  removeOnce,
} from '../../src/kernel/index.ts'
import { Netns, openTun } from '../../src/sys/index.ts'
import { programsIn, run } from './kernel-harness.ts'

/** The n-th pod of a network, with an address of each family. */
export const podSpec = (n: number): AttachmentSpec => ({
  network: 'pods',
  containerId: `c${n}`,
  ifName: 'eth0',
  sandbox: '/run/netns/x',
  hostIdentity: 'node-1',
  ips: [{ address: `10.1.2.${n}/24` }, { address: `fd00:1::${n}/64` }],
  routes: [{ dst: '0.0.0.0/0' }, { dst: '::/0' }],
  dns: {},
})

/** A host and its pods as namespaces, wired by what planners say and nothing else. */
export class WiredPods implements Disposable {
  readonly host = Netns.create()
  private readonly hostKernel = new NetlinkKernel({ netns: this.host, runProgram: programsIn(this.host) })
  private readonly pods = new Map<Netns, NetlinkKernel>()
  private readonly shared = new Set<string>()
  private readonly fromPod: ApplyContext = { namespaces: new Map([[HOST_NETNS, this.host]]) }

  constructor() {
    run(this.host, ['ip', 'link', 'set', 'lo', 'up'])
  }

  /** Everything is done without a refusal, and afterwards nothing is left to be done. */
  async attach(plan: (netns: string) => Attachment): Promise<Netns> {
    const pod = Netns.create()
    const kernel = new NetlinkKernel({
      netns: pod,
      openTun: (name, options) => openTun(name, { ...options, netns: this.host }),
    })
    this.pods.set(pod, kernel)
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
    const kernel = this.kernelOf(pod)
    const present = await kernel.observe()
    const entries = plan(present.map(({ entry }) => entry))
    await converge(kernel, entries, this.fromPod)
  }

  /** What DEL does inside the pod. */
  async detach(pod: Netns, { podOnDelete }: Attachment): Promise<void> {
    assert.ok(podOnDelete !== undefined)
    const kernel = this.kernelOf(pod)
    const present = await kernel.observe()
    const removed = removedOnDelete(
      podOnDelete,
      present.map(({ entry }) => entry),
    )
    succeeded(await removeOnce(kernel, removed, this.fromPod))
  }

  private kernelOf(pod: Netns): NetlinkKernel {
    return this.pods.get(pod) ?? assert.fail('no pod of this host')
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
  context: ApplyContext,
): Promise<void> {
  succeeded(await applyOnce(kernel, entries, context))
  const left = await checkOnce(kernel, entries, context)
  assert.deepEqual(
    left.map(({ op, entry }) => `${op} ${formatEntry(entry)}`),
    [],
  )
}

function succeeded(outcomes: readonly Outcome[]): void {
  const failed = outcomes.filter(({ error }) => error !== undefined)
  assert.deepEqual(
    failed.map(({ operation, error }) => [formatEntry(operation.entry), error?.message]),
    [],
  )
}
