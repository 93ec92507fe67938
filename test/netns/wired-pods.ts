import assert from 'node:assert/strict'
import { type Attachment } from '../../src/attach/index.ts'
import { applyOnce, checkOnce, type Entry, formatEntry, NetlinkKernel } from '../../src/kernel/index.ts'
import { Netns } from '../../src/sys/index.ts'
import { run } from './kernel-harness.ts'

/** A host and its pods as namespaces, wired by what planners say and nothing else. */
export class WiredPods implements Disposable {
  readonly host = Netns.create()
  private readonly hostKernel = new NetlinkKernel({ netns: this.host })
  private readonly opened: { close(): void }[] = [this.hostKernel, this.host]

  constructor() {
    run(this.host, ['ip', 'link', 'set', 'lo', 'up'])
  }

  /** Everything is done without a refusal, and afterwards nothing is left to be done. */
  async attach(plan: (netns: string) => Attachment): Promise<Netns> {
    const pod = Netns.create()
    const podKernel = new NetlinkKernel({ netns: pod })
    this.opened.unshift(podKernel, pod)
    const { host, shared, pod: inside } = plan('pod')
    const context = { namespaces: new Map([['pod', pod]]) }
    await made(applyOnce(this.hostKernel, [...shared, ...host], context))
    await made(applyOnce(podKernel, inside))
    assert.deepEqual(await left(this.hostKernel, [...shared, ...host]), [])
    assert.deepEqual(await left(podKernel, inside), [])
    return pod
  }

  [Symbol.dispose](): void {
    for (const one of this.opened) one.close()
  }
}

async function made(outcomes: ReturnType<typeof applyOnce>): Promise<void> {
  const failed = (await outcomes).filter(({ error }) => error !== undefined)
  assert.deepEqual(
    failed.map(({ operation, error }) => [formatEntry(operation.entry), error?.message]),
    [],
  )
}

async function left(kernel: NetlinkKernel, entries: readonly Entry[]): Promise<string[]> {
  return (await checkOnce(kernel, entries)).map(({ op, entry }) => `${op} ${formatEntry(entry)}`)
}
