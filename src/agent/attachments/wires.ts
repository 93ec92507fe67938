import { type Attachment, HOST_NETNS, removedOnDelete } from '../../attach/index.ts'
import { cniError } from '../../cni/index.ts'
import {
  type ApplyContext,
  applyOnce,
  type Entry,
  entryKey,
  eviction,
  type Inspection,
  type IptablesChainEntry,
  inspectOnce,
  type Kernel,
  type NamespaceHandle,
  type ObservedEntry,
  type Operation,
  type Outcome,
  type Reconciler,
  type Reservation,
  removeOnce,
} from '../../kernel/index.ts'
import type { PodNamespace } from '../pod-namespace.ts'

/** The host's namespace, for what is not an entry of it. */
export interface HostAccess {
  readonly kernel: Pick<Kernel, 'forgetFlows' | 'iptablesFault'>
  readonly hostNamespace: NamespaceHandle
}

/** Keys of what an attachment needs on the host, kept from others. */
export interface HostReservation {
  readonly keys: ReadonlySet<string>
  readonly entries: Reservation
  /** Of iptables, if there are any. Apart, since those of all pods that come at once are made by one process. */
  readonly chains: Reservation | undefined
}

/** Makes what attachments need: on the host through the reconciler, in a pod while its namespace is at hand. */
export class Wires {
  private readonly kernel: HostAccess['kernel']
  private readonly reconciler: Pick<
    Reconciler,
    'run' | 'reserve' | 'plan' | 'inspect' | 'evict' | 'audit' | 'observed'
  >
  /** Of a pod's entries: they may be made of devices of the host. */
  private readonly podContext: ApplyContext

  constructor(reconciler: Wires['reconciler'], { kernel, hostNamespace: host }: HostAccess) {
    this.reconciler = reconciler
    this.kernel = kernel
    this.podContext = { namespaces: new Map([[HOST_NETNS, host]]) }
  }

  /** Keeps others from making what the plan needs on the host, until it is made here. */
  reserve(plan: Attachment): HostReservation {
    const entries: string[] = []
    const chains: string[] = []
    for (const part of [plan.shared, plan.host])
      for (const entry of part) (isChain(entry) ? chains : entries).push(entryKey(entry))
    return {
      keys: new Set([...entries, ...chains]),
      entries: this.reconciler.reserve(entries),
      chains: chains.length === 0 ? undefined : this.reconciler.reserve(chains),
    }
  }

  /** Throws the first refusal. */
  async makeHost(plan: Attachment, pod: PodNamespace, reserved: HostReservation): Promise<void> {
    const { keys, entries, chains } = reserved
    if (chains !== undefined) await this.insistOnIptables(plan)
    if (plan.displaced.length > 0) insist(await this.reconciler.evict(plan.displaced))
    let outcomes = await this.tryEntries(keys, pod, entries)
    if (outcomes.some(isSurprise)) {
      // Somebody has just taken away what this stands on, and word of that was late.
      await this.reconciler.audit()
      const again = await this.tryEntries(keys, pod, this.reconciler.reserve(keys))
      outcomes = [...outcomes.filter(({ error }) => error === undefined), ...again]
    }
    insist(outcomes)
    if (chains !== undefined) insist(await chains.run())
    if (plan.staleFlows !== undefined) await this.kernel.forgetFlows(plan.staleFlows)
    for (const entry of plan.host) if (isOwnLink(entry)) this.insistOnLink(entryKey(entry), outcomes)
  }

  private async tryEntries(
    keys: ReadonlySet<string>,
    pod: PodNamespace,
    reserved: Reservation,
  ): Promise<readonly Outcome[]> {
    const namespaces = new Map([[String(pod.cookie), pod]])
    // The pod need not wait until the reconciler knows by events what it has done.
    const all = await new Promise<readonly Outcome[]>((resolve, reject) => {
      reserved.run({ namespaces, onOutcomes: resolve }).then(resolve, reject)
    })
    // A bridge that is made anew brings the links of all its pods along: those are for others to insist on.
    return all.filter(outcome => keys.has(outcomeKey(outcome)))
  }

  /** Throws the first refusal. */
  async makePod(plan: Attachment, pod: PodNamespace): Promise<void> {
    const { pod: entries, podDisplaced } = plan
    if (entries.length === 0) return
    await withPod(pod, async kernel => {
      insist(await applyOnce(kernel, entries, this.podContext))
      if (podDisplaced !== undefined) insist(await kernel.apply(podDisplaced.map(eviction)))
    })
  }

  /** To be called when the plan's entries are not desired any more; throws the first refusal. */
  async remove(plan: Attachment): Promise<void> {
    insist(await this.reconciler.run(plan.host.map(entryKey)))
    if (plan.staleFlows !== undefined) await this.kernel.forgetFlows(plan.staleFlows)
  }

  /** Takes away, and puts back, what does not go with the host's end of the attachment. */
  async clearPod(plan: Attachment, pod: PodNamespace): Promise<void> {
    const { podOnDelete } = plan
    if (podOnDelete === undefined) return
    await withPod(pod, async kernel => {
      const present = await kernel.observe(podOnDelete.restore, this.podContext)
      const doomed = removedOnDelete(
        podOnDelete,
        present.map(({ entry }) => entry),
      )
      insist(await removeOnce(kernel, doomed, this.podContext))
      insist(await applyOnce(kernel, podOnDelete.restore.filter(isThere(present)), this.podContext))
    })
  }

  /** Removes what nobody desires any more of these keys. */
  async clear(keys: readonly string[]): Promise<void> {
    await this.reconciler.run(keys)
  }

  /** What is not as planned, in words; empty if all is. */
  async faults(plan: Attachment, pod: PodNamespace): Promise<string[]> {
    const host = await this.reconciler.inspect(hostEntries(plan).map(entryKey))
    const inside = await this.inspectPod(plan, pod)
    return [
      ...host.operations.map(operation => `on the host: ${inWords(operation)}`),
      ...inside.operations.map(operation => `in the pod: ${inWords(operation)}`),
      ...[...host.findings, ...inside.findings].map(finding => finding.message),
    ]
  }

  private inspectPod({ pod: entries }: Attachment, pod: PodNamespace): Promise<Inspection> {
    if (entries.length === 0) return Promise.resolve({ operations: [], findings: [] })
    return withPod(pod, kernel => inspectOnce(kernel, entries, this.podContext))
  }

  private async insistOnIptables(plan: Attachment): Promise<void> {
    const families = new Set(
      hostEntries(plan)
        .filter(isChain)
        .map(({ family }) => family),
    )
    for (const family of families) {
      const fault = await this.kernel.iptablesFault(family)
      if (fault === undefined) continue
      const advice =
        'set ipMasqBackend, and backend of portmap and firewall, to nftables, or install iptables-nft'
      const message = `this network asks for iptables, which this node's agent cannot use (${fault}): ${advice}`
      throw cniError('unsupported-field', 'attach', message)
    }
  }

  /** Nothing may have been refused, and yet no link made: something in the way kept it out of the plan. */
  private insistOnLink(key: string, outcomes: readonly Outcome[]): void {
    const isMade = outcomes.some(outcome => outcome.operation.op === 'create' && outcomeKey(outcome) === key)
    if (isMade || this.reconciler.observed.get(key)?.mark === 'ours') return
    const [reason] = this.reconciler.plan([key]).findings
    throw cniError('interface-exists', 'attach', reason?.message ?? `${key} could not be planned`)
  }
}

/** A link that is gone needs nothing put back; a sysctl that the call's descriptors do not lead to cannot be. */
function isThere(present: readonly ObservedEntry[]): (entry: Entry) => boolean {
  const known = new Set(present.map(({ entry }) => entryKey(entry)))
  return entry => (entry.kind !== 'link' && entry.kind !== 'sysctl') || known.has(entryKey(entry))
}

/** What an attachment needs on the host. */
function hostEntries({ shared, host }: Attachment): readonly Entry[] {
  return [...shared, ...host]
}

function isChain(entry: Entry): entry is IptablesChainEntry {
  return entry.kind === 'iptables-chain'
}

function isSurprise({ error }: Outcome): boolean {
  return error?.code === 'kernel.not-found'
}

function isOwnLink(entry: Entry): boolean {
  return entry.kind === 'link' && entry.claim === 'own'
}

function outcomeKey({ operation }: Outcome): string {
  return entryKey(operation.entry)
}

async function withPod<T>(pod: PodNamespace, use: (kernel: Kernel) => Promise<T>): Promise<T> {
  const kernel = pod.openKernel()
  try {
    return await use(kernel)
  } finally {
    kernel.close()
  }
}

function insist(outcomes: readonly Outcome[]): void {
  const refused = outcomes.find(({ error }) => error !== undefined)
  if (refused?.error === undefined) return
  const { operation, error } = refused
  if (error.code !== 'kernel.exists') throw error
  throw cniError('interface-exists', error.op, `${takenName(operation)} and is not ours: ${error.message}`)
}

/** A veth is refused for either of its ends, and the kernel does not say for which. */
function takenName({ entry }: Operation): string {
  if (entry.kind !== 'link' || entry.type !== 'veth') return `${entryKey(entry)} exists already`
  return `${entry.peer.name} in the pod or ${entry.name} on the host exists already`
}

function inWords({ op, why, entry }: Operation): string {
  return `${entryKey(entry)} ${why === 'missing' ? 'is missing' : `would need ${op}`}`
}
