import type { Entry, LinkEntry, Outcome } from '../../src/kernel/index.ts'
import { type ApplyContext, checkOnce, entryKey, NetlinkKernel } from '../../src/kernel/index.ts'
import { Netns, openTun } from '../../src/sys/index.ts'
import { run } from './kernel-harness.ts'

export const own = {
  kind: 'link',
  claim: 'own',
  owner: 'pod default/web-1 eth0',
  name: 'eth0',
} as const satisfies Partial<LinkEntry>

/** A pod's namespace as a kernel of its own, and the host's, which links of the pod have to do with. */
export class HostAndPod implements Disposable {
  readonly host: Netns = Netns.create()
  readonly pod: Netns = Netns.create()
  readonly context: ApplyContext = { namespaces: new Map([['host', this.host]]) }
  readonly kernel: NetlinkKernel = new NetlinkKernel({
    netns: this.pod,
    openTun: (name, options) => openTun(name, { ...options, netns: this.host }),
  });

  [Symbol.dispose](): void {
    this.kernel.close()
    this.host.close()
    this.pod.close()
  }

  /** What is left to do of these, as `create link eth0`. */
  async check(entries: readonly Entry[]): Promise<string[]> {
    const left = await checkOnce(this.kernel, entries, this.context)
    return left.map(({ op, entry }) => `${op} ${entryKey(entry)}`)
  }
}

/** `ip` in a namespace, of words without blanks. */
export function ip(netns: Netns, line: string): string {
  return run(netns, ['ip', ...line.split(' ')])
}

/** A link as `ip -d link show` has it. */
export function show(netns: Netns, name: string): Record<string, unknown> {
  const [link] = JSON.parse(run(netns, ['ip', '-j', '-d', 'link', 'show', name]))
  return link
}

/** Of all links, sorted. */
export function names(netns: Netns): (string | undefined)[] {
  const lines = ip(netns, '-brief link').trim().split('\n')
  return lines.map(line => line.split(/[\s@]/)[0]).toSorted()
}

/** What was refused, as `create link eth0: kernel.exists`. */
export function failures(outcomes: readonly Outcome[]): string[] {
  return outcomes.flatMap(({ operation: { op, entry }, error }) =>
    error === undefined ? [] : [`${op} ${entryKey(entry)}: ${error.code}`],
  )
}
