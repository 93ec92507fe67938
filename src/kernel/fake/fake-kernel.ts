import { hasCode, PodlaceError } from '../../base/index.ts'
import { type Entry, type EntryKind, entryKey, type LinkEntry, type SettingEntry } from '../entry.ts'
import { codeOfErrno, kernelError } from '../errors.ts'
import { describe } from '../findings.ts'
import { meansGone } from '../gone.ts'
import { rulesOf } from '../kinds/index.ts'
import { isMoved, linksNeeded, otherNamespace } from '../kinds/link.ts'
import { isSetting } from '../kinds/setting.ts'
import type { ApplyContext, Kernel, KernelEvent, ObservedEntry, Operation, Outcome } from '../operation.ts'
import type { WireguardSecrets } from '../wireguard-secrets.ts'
import { type Delivery, EventQueue } from './event-queue.ts'
import { FakeNamespace, isSilent } from './fake-namespace.ts'
import { FakeNetwork } from './fake-network.ts'
import { linkSteps, type Step } from './link-steps.ts'
import { giveBack, ownerOf } from './moves.ts'
import { Refusal, refuse } from './refusal.ts'
import { located } from './stacking.ts'
import { checkSecrets } from './wireguard.ts'

/**
 * What befalls an operation: an errno instead of success, or the end of the program before it, after it, or `within`:
 * between its first message to the kernel and the second, if it takes several (a new link that bears no mark yet).
 */
export type Fault = { readonly errno: string } | { readonly crash: 'before' | 'within' | 'after' }

/** `apply` rejects with it where a fault says so: the program died there, the kernel lives on. */
export class FakeCrash extends Error {}

export interface FakeKernelOptions {
  /** Namespaces that veths may join; only this one otherwise. */
  readonly network?: FakeNetwork
  /** One that is there already, as for a program that starts again. */
  readonly namespace?: FakeNamespace
  /** Physical devices that are there from the start, up. */
  readonly devices?: readonly string[]
  /** Asked before every operation. Another program may act in it, so that it slips in before the operation. */
  readonly fault?: (operation: Operation) => Fault | undefined
  /** When events come that no call has waited for; at once by default. */
  readonly deliver?: Delivery
  /** The keys that entries of WireGuard name; any key is there without it. */
  readonly wireguardSecrets?: WireguardSecrets
  /** Why there is no iptables. */
  readonly iptablesFault?: string
  /** Awaited before every operation and every dump: what takes time, and lets others act in between. */
  readonly pause?: () => Promise<void> | undefined
  /** Asked by `observe`: true if something changes during every attempt at a dump (NLM_F_DUMP_INTR). */
  readonly interrupted?: () => boolean
}

/** What `observe` reads, one dump after the other as the real one does: each may be of another moment. */
const DUMPS: readonly EntryKind[] = [
  'link',
  'address',
  'route',
  'rule',
  'neighbour',
  'fdb',
  'wireguard',
  'wireguard-peer',
  'qdisc',
  'redirect',
  'nft-table',
  'nft-element',
  'iptables-chain',
]

/**
 * A kernel that is a model: same interface and same refusals as the real one, no privilege, no time, no threads.
 * Other programs act through `namespace`. It keeps to the suite that the real one keeps to.
 */
export class FakeKernel implements Kernel {
  readonly namespace: FakeNamespace
  /** So that a fake kernel can stand in `ApplyContext.namespaces`. */
  readonly fds: { readonly netns: number }
  /** May be changed at any time. */
  fault: ((operation: Operation) => Fault | undefined) | undefined
  private readonly options: FakeKernelOptions
  private readonly listeners = new Set<(event: KernelEvent) => void>()
  private readonly queue: EventQueue
  private readonly forget: () => void
  private closed = false

  constructor(options: FakeKernelOptions = {}) {
    this.namespace = options.namespace ?? new FakeNamespace(options.network ?? new FakeNetwork())
    this.fds = { netns: this.namespace.descriptor }
    this.options = options
    this.queue = new EventQueue(event => this.tell(event), options.deliver)
    this.forget = this.namespace.listen(event => this.queue.push(event))
    this.fault = options.fault
    for (const name of options.devices ?? []) this.namespace.createDevice(name)
  }

  /** Rejects with `netlink.interrupted` where the options say so, as the real one does after many attempts. */
  async observe(desired: Iterable<Entry> = [], context?: ApplyContext): Promise<readonly ObservedEntry[]> {
    const observed: ObservedEntry[] = []
    for (const kind of DUMPS) {
      await this.takeTime()
      if (this.options.interrupted?.() === true) throw interruptedDump(kind)
      for (const item of this.namespace.entries()) {
        if (item.entry.kind === kind) observed.push(located(this.namespace, item, context))
      }
    }
    for (const entry of desired) {
      const found = isSetting(entry) ? this.readSetting(entry) : undefined
      if (found !== undefined) observed.push(found)
    }
    this.queue.drain()
    return observed
  }

  readSetting(entry: SettingEntry): ObservedEntry | undefined {
    const now = attempt((): SettingEntry => {
      if (entry.kind === 'offload') return { ...entry, txChecksum: this.namespace.readTxChecksum(entry.link) }
      return { ...entry, value: this.namespace.readSysctl(entry.path) }
    })
    return now && { entry: now, mark: 'foreign' }
  }

  async apply(operations: readonly Operation[], context?: ApplyContext): Promise<readonly Outcome[]> {
    const outcomes: Outcome[] = []
    /** Keys of links that this plan could not make: nothing is done to a foreign one of that name. */
    const unmade = new Set<string>()
    for (const operation of operations) {
      await this.takeTime()
      const fault = this.fault?.(operation)
      if (fault !== undefined && 'crash' in fault && fault.crash === 'before') throw new FakeCrash()
      const outcome = hangsOnOne(operation, unmade)
        ? this.refused(operation, 'ENODEV', 'its link could not be made', context)
        : this.carryOut(operation, fault, context)
      outcomes.push(outcome)
      const { op, entry } = operation
      if (outcome.error !== undefined && op === 'create' && entry.kind === 'link') unmade.add(entryKey(entry))
      if (fault !== undefined && 'crash' in fault) throw new FakeCrash()
    }
    if (context?.onOutcomes !== undefined) {
      context.onOutcomes(outcomes)
      await this.takeTime()
    }
    this.queue.drain()
    return outcomes
  }

  /** Nothing flows through a model. */
  async forgetFlows(): Promise<number> {
    return 0
  }

  async iptablesFault(): Promise<string | undefined> {
    return this.options.iptablesFault
  }

  watch(listener: (event: KernelEvent) => void): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  /** What happens meanwhile reaches no listener; afterwards they are told that the story has a hole (ENOBUFS). */
  overflow(meanwhile: () => void): void {
    this.queue.overflow(meanwhile)
  }

  /** As when the program ends: nothing of an `apply` that is under way reaches the namespace any more. */
  close(): void {
    this.closed = true
    this.forget()
    this.queue.clear()
    this.listeners.clear()
  }

  private tell(event: KernelEvent): void {
    for (const listener of this.listeners) listener(event)
  }

  /** Costs no turn of the event loop where nobody wants one. */
  private async takeTime(): Promise<void> {
    await this.options.pause?.()
    if (this.closed) throw new FakeCrash()
  }

  private carryOut(operation: Operation, fault: Fault | undefined, context?: ApplyContext): Outcome {
    try {
      if (fault !== undefined && 'errno' in fault) refuse(fault.errno, 'a fault was injected')
      this.perform(operation, fault, context)
      return { operation }
    } catch (error) {
      // The real one cannot even encode what is no address.
      if (hasCode(error, 'ip')) return this.refused(operation, 'EINVAL', error.message, context)
      if (!(error instanceof Refusal)) throw error
      return this.refused(operation, error.errno, error.message, context)
    }
  }

  private refused(operation: Operation, errno: string, why: string, context?: ApplyContext): Outcome {
    const key = entryKey(operation.entry)
    const what = `${operation.op} ${key}`
    const message = `${operation.op} ${describe(operation.entry)}: ${errno}, ${why}`
    const code = isNamespaceNeeded(operation, context) ? 'kernel.namespace-needed' : codeOfErrno(errno)
    return { operation, error: kernelError(what, message, { code, errno, key }) }
  }

  private perform(
    { op, entry, before }: Operation,
    fault: Fault | undefined,
    context: ApplyContext | undefined,
  ): void {
    if (isSetting(entry)) {
      if (entry.kind === 'sysctl') this.namespace.writeSysctl(entry.path, entry.value)
      else this.namespace.writeTxChecksum(entry.link, entry.txChecksum)
      return this.queue.push({ event: 'set', observed: { entry, mark: 'foreign' } })
    }
    if (op === 'delete') return this.delete(entry, context)
    if (entry.kind !== 'link') return this.addObject(entry, op === 'change')
    for (const name of linksNeeded(entry)) this.namespace.needLink(name)
    const isMortal = fault !== undefined && 'crash' in fault && fault.crash === 'within'
    takeSteps(linkSteps(this.namespace, op, entry, before, context), op === 'create', isMortal)
  }

  private addObject(entry: Exclude<Entry, LinkEntry | SettingEntry>, replace: boolean): void {
    checkSecrets(entry, this.options.wireguardSecrets)
    this.namespace.addObject(entry, 'ours', replace)
    const observed = this.namespace.objects.get(entryKey(entry))
    if (isSilent(entry) && observed !== undefined) this.queue.push({ event: 'set', observed })
  }

  /** That it is gone already is success. */
  private delete(entry: Entry, context: ApplyContext | undefined): void {
    try {
      if (entry.kind === 'link' && isMoved(entry)) {
        return giveBack(this.namespace, entry, ownerOf(this.namespace, entry, context))
      }
      this.namespace.deleteEntry(entry, 'ours')
      if (isSilent(entry)) this.queue.push({ event: 'gone', key: entryKey(entry) })
    } catch (error) {
      if (!(error instanceof Refusal) || !meansGone(entry, error.errno)) throw error
    }
  }
}

/** The first refusal counts; the other messages are sent all the same, unless there is nothing to send them for. */
function takeSteps(steps: readonly Step[], isCreation: boolean, isMortal: boolean): void {
  let refusal: Refusal | undefined
  for (const [i, step] of steps.entries()) {
    if (i === 1 && isMortal) throw new FakeCrash()
    try {
      step()
    } catch (error) {
      if (!(error instanceof Refusal) || (isCreation && i === 0)) throw error
      refusal ??= error
    }
  }
  if (refusal !== undefined) throw refusal
}

function interruptedDump(kind: EntryKind): Error {
  const message = `dump of every ${kind}: it changed during each of the attempts; try again when less is going on`
  return new PodlaceError(`dump ${kind}`, message, { code: 'netlink.interrupted' })
}

function isNamespaceNeeded({ op, entry }: Operation, context?: ApplyContext): boolean {
  if (entry.kind !== 'link' || (op !== 'create' && !(op === 'delete' && isMoved(entry)))) return false
  const name = otherNamespace(entry) ?? ''
  return name !== '' && context?.namespaces.get(name) === undefined
}

function attempt<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch (error) {
    if (error instanceof Refusal) return undefined
    throw error
  }
}

function hangsOnOne({ op, entry }: Operation, links: ReadonlySet<string>): boolean {
  return (
    op !== 'delete' &&
    rulesOf(entry)
      .parents(entry)
      .some(({ key }) => links.has(key))
  )
}
