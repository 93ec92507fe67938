import { hasCode } from '../../base/index.ts'
import { type Entry, entryKey, type LinkEntry, type SysctlEntry } from '../entry.ts'
import { codeOfErrno, kernelError } from '../errors.ts'
import { describe } from '../findings.ts'
import { rulesOf } from '../kinds/index.ts'
import type { ApplyContext, Kernel, KernelEvent, ObservedEntry, Operation, Outcome } from '../operation.ts'
import { FakeNamespace } from './fake-namespace.ts'
import { FakeNetwork } from './fake-network.ts'
import { Refusal, refuse } from './refusal.ts'

/** What befalls an operation: an errno instead of success, or the end of the program before or after it. */
export type Fault = { readonly errno: string } | { readonly crash: 'before' | 'after' }

/** `apply` rejects with it where a fault says so: the program died there, the kernel lives on. */
export class FakeCrash extends Error {}

export interface FakeKernelOptions {
  /** Namespaces that veths may join; only this one otherwise. */
  readonly network?: FakeNetwork
  /** One that is there already, as for a program that starts again. */
  readonly namespace?: FakeNamespace
  /** Physical devices that are there from the start, up. */
  readonly devices?: readonly string[]
  /** Asked before every operation. */
  readonly fault?: (operation: Operation) => Fault | undefined
}

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
  private readonly listeners = new Set<(event: KernelEvent) => void>()
  private readonly forget: () => void
  private deaf = false

  constructor(options: FakeKernelOptions = {}) {
    this.namespace = options.namespace ?? new FakeNamespace(options.network ?? new FakeNetwork())
    this.fds = { netns: this.namespace.descriptor }
    this.forget = this.namespace.listen(event => this.tell(event))
    this.fault = options.fault
    for (const name of options.devices ?? []) this.namespace.createDevice(name)
  }

  async observe(desired: Iterable<Entry> = []): Promise<readonly ObservedEntry[]> {
    const observed = [...this.namespace.entries()]
    for (const entry of desired) {
      const found = entry.kind === 'sysctl' ? this.readSysctl(entry) : undefined
      if (found !== undefined) observed.push(found)
    }
    return observed
  }

  readSysctl(entry: SysctlEntry): ObservedEntry | undefined {
    const value = attempt(() => this.namespace.readSysctl(entry.path))
    return value === undefined ? undefined : { entry: { ...entry, value }, mark: 'foreign' }
  }

  async apply(operations: readonly Operation[], context?: ApplyContext): Promise<readonly Outcome[]> {
    const outcomes: Outcome[] = []
    /** Keys of links that this plan could not make: nothing is done to a foreign one of that name. */
    const unmade = new Set<string>()
    for (const operation of operations) {
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
    return outcomes
  }

  watch(listener: (event: KernelEvent) => void): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  /** What happens meanwhile reaches no listener; afterwards they are told that the story has a hole (ENOBUFS). */
  overflow(meanwhile: () => void): void {
    this.deaf = true
    meanwhile()
    this.deaf = false
    this.tell({ event: 'resync', why: 'the event queue overflowed' })
  }

  close(): void {
    this.forget()
    this.listeners.clear()
  }

  private tell(event: KernelEvent): void {
    if (this.deaf) return
    for (const listener of this.listeners) listener(event)
  }

  private carryOut(operation: Operation, fault: Fault | undefined, context?: ApplyContext): Outcome {
    try {
      if (fault !== undefined && 'errno' in fault) refuse(fault.errno, 'a fault was injected')
      this.perform(operation, context)
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

  private perform({ op, entry, before }: Operation, context?: ApplyContext): void {
    if (entry.kind === 'link') return this.performLink(op, entry, context)
    const key = entryKey(entry)
    if (entry.kind === 'sysctl') {
      this.namespace.writeSysctl(entry.path, entry.value)
      return this.tell({ event: 'set', observed: { entry, mark: 'foreign' } })
    }
    if (op === 'delete') {
      if (this.namespace.has(key)) this.namespace.deleteObject(key)
      return
    }
    if (op === 'change' && before !== undefined && this.namespace.has(key) && entry.kind === 'address') {
      this.namespace.deleteObject(key)
    }
    this.namespace.addObject(entry, 'ours', op === 'change')
  }

  private performLink(op: Operation['op'], link: LinkEntry, context?: ApplyContext): void {
    if (op === 'delete') {
      if (this.namespace.link(link.name)) this.namespace.deleteLink(link.name)
      return
    }
    if (op !== 'create') {
      const owner = link.claim === 'own' ? link.owner : undefined
      const wanted: LinkEntry = op === 'adopt' ? onlyName(link) : link
      return this.namespace.changeLink(wanted, owner)
    }
    const handle = link.type === 'veth' ? context?.namespaces.get(link.peer.netns) : undefined
    const peerNamespace = handle && this.namespace.namespaceOf(handle.fds.netns)
    this.namespace.createLink(link, 'ours', peerNamespace)
  }
}

function isNamespaceNeeded({ op, entry }: Operation, context?: ApplyContext): boolean {
  if (op !== 'create' || entry.kind !== 'link' || entry.type !== 'veth') return false
  return context?.namespaces.get(entry.peer.netns) === undefined
}

function onlyName({ name, owner }: LinkEntry): LinkEntry {
  return { kind: 'link', type: 'device', name, owner, claim: 'use' }
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
