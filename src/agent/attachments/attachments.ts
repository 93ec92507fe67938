import type { Attachment, CniResult } from '../../attach/index.ts'
import { errorText, KeyedMutex, type Logger, PodlaceError } from '../../base/index.ts'
import { cniError } from '../../cni/index.ts'
import type { Source } from '../../derive/index.ts'
import {
  applyOnce,
  entryKey,
  inspectOnce,
  type Kernel,
  type Operation,
  type Outcome,
  type Reconciler,
  type Reservation,
} from '../../kernel/index.ts'
import { type AddressSource, type Holder, holderKey } from '../addresses/source.ts'
import type { Journal } from '../journal/index.ts'
import type { PodNamespace } from '../pod-namespace.ts'
import { type Attached, type AttachmentRecord, planRecord } from './record.ts'
import type { NetworkEntries } from './shared-entries.ts'

export interface AttachmentsOptions {
  readonly journal: Journal<AttachmentRecord>
  /** Feeds the host's desired entries; written here only. */
  readonly source: Source<Attached>
  readonly networks: NetworkEntries
  readonly reconciler: Pick<Reconciler, 'run' | 'reserve' | 'plan' | 'evict'>
  readonly addressesOf: (record: AttachmentRecord) => AddressSource | undefined
  readonly log: Logger
  /** Called between any two steps; tests die here. */
  readonly checkpoint: (step: string) => void
}

/** Decides what is to be wired; `begin` is told before any of it is on disk. */
export type Prepare = (begin: (attached: Attached) => void) => Promise<Attached>

/**
 * The pods' interfaces of this node: made, checked and removed. What an ADD has made is taken back if any step
 * fails; calls for one interface run one after another, calls for different ones side by side.
 */
export class Attachments {
  private readonly options: AttachmentsOptions
  private readonly mutex = new KeyedMutex()

  constructor(options: AttachmentsOptions) {
    this.options = options
  }

  /** Takes up what the journal holds after a restart; ADDs that were never answered are taken back. */
  async restore(): Promise<void> {
    const { journal, source, networks, log } = this.options
    for (const [key, { value, done }] of journal.records()) {
      if (!done) continue
      const plan = planRecord(value)
      networks.use(value.wiring.spec.network, plan.shared)
      source.set(key, { record: value, plan })
    }
    for (const [key, { value, done }] of journal.records()) {
      if (done) continue
      log.warn('an ADD was cut short by a restart; it is taken back', { attachment: key })
      try {
        await this.options.addressesOf(value)?.release(value.wiring.spec)
        journal.forget(key)
      } catch (error) {
        // The record stays, so that DEL, GC or the next start tries again: one store must not keep the agent down.
        log.error('its addresses could not be given back', { attachment: key, error: errorText(error) })
      }
    }
  }

  /**
   * Wires what `prepare` decided. Throws `cni.interface-exists` if the attachment is there already.
   *
   * @param prepare takes addresses, and says so by `begin` before it does; called when it is this interface's turn
   */
  add(holder: Holder, pod: PodNamespace, prepare: Prepare): Promise<CniResult> {
    const key = holderKey(holder)
    return this.mutex.run(key, async () => {
      const { journal, checkpoint } = this.options
      if (journal.get(key) !== undefined) throw alreadyAttached(key)
      let recorded = Promise.resolve()
      const begin = (attached: Attached) => {
        recorded = this.intend(key, attached)
        // Whoever waits for it comes later.
        recorded.catch(() => undefined)
      }
      const attached = await prepare(begin).catch(async (error: unknown) => {
        await recorded.catch(() => undefined)
        journal.forget(key)
        throw error
      })
      checkpoint('prepared')
      const host = this.desire(key, attached)
      try {
        await recorded
        checkpoint('intended')
        return await this.wire(key, attached, pod, host)
      } catch (error) {
        await this.undo(key, attached.record)
        throw error
      } finally {
        host.cancel()
      }
    })
  }

  /**
   * Removes the attachment. One of another network is left alone: its ADD here was refused, and a runtime sends DEL
   * after that.
   *
   * @param giveBack called instead if there is no record, still in this interface's turn: the next ADD takes addresses
   */
  remove(holder: Holder, network: string, giveBack = async (): Promise<void> => {}): Promise<void> {
    const key = holderKey(holder)
    return this.mutex.run(key, async () => {
      const record = this.options.journal.get(key)?.value
      if (record === undefined) await giveBack()
      else if (record.wiring.spec.network === network) await this.unwire(key, record)
    })
  }

  /** What of the attachment is not as it was made, in words; empty if all is. */
  check(holder: Holder, pod: PodNamespace): Promise<string[]> {
    const key = holderKey(holder)
    return this.mutex.run(key, async () => {
      const record = this.options.journal.get(key)?.value
      if (record === undefined) return [`there is no attachment ${key}`]
      if (record.netnsCookie !== String(pod.cookie))
        return [`${key} was attached in another network namespace`]
      const plan = planRecord(record)
      const host = this.options.reconciler.plan(hostKeys(plan))
      const inside = await this.withPod(pod, kernel => inspectOnce(kernel, plan.pod))
      return [
        ...host.operations.map(operation => `on the host: ${inWords(operation)}`),
        ...inside.operations.map(operation => `in the pod: ${inWords(operation)}`),
        ...[...host.findings, ...inside.findings].map(finding => finding.message),
      ]
    })
  }

  /** Removes every attachment of a network that is not in `keep` (keys). One failure does not stop the others. */
  async collect(network: string, keep: ReadonlySet<string>): Promise<void> {
    const failures: string[] = []
    for (const [key, { value }] of this.options.journal.records()) {
      if (value.wiring.spec.network !== network || keep.has(key)) continue
      await this.remove(value.wiring.spec, network).catch((error: unknown) =>
        failures.push(`${key}: ${errorText(error)}`),
      )
    }
    if (!this.isInUse(network)) await this.options.reconciler.run(this.options.networks.forget(network))
    if (failures.length > 0) throw cniError('internal', 'collect garbage', failures.join('; '))
  }

  count(): number {
    return this.options.journal.count
  }

  private isInUse(network: string): boolean {
    for (const { value } of this.options.journal.live()) {
      if (value.wiring.spec.network === network) return true
    }
    return false
  }

  private intend(key: string, { record, plan }: Attached): Promise<void> {
    const { journal, networks } = this.options
    const { network } = record.wiring.spec
    // What is left of earlier attachments may be of another block: its gateway would take what is for another node now.
    if (!this.isInUse(network)) networks.retain(network, plan.shared)
    return journal.intend(key, record)
  }

  /** Says what the host is to hold; it is not made before the reservation is run. */
  private desire(key: string, attached: Attached): Reservation {
    const { source, networks, reconciler } = this.options
    const { record, plan } = attached
    const reservation = reconciler.reserve(hostKeys(plan))
    networks.use(record.wiring.spec.network, plan.shared)
    source.set(key, attached)
    return reservation
  }

  private async wire(
    key: string,
    { plan }: Attached,
    pod: PodNamespace,
    host: Reservation,
  ): Promise<CniResult> {
    const { journal, reconciler, checkpoint } = this.options
    if (plan.displaced.length > 0) insist(await reconciler.evict(plan.displaced))
    await this.wireHost(plan, pod, host)
    checkpoint('host wired')
    insist(await this.withPod(pod, kernel => applyOnce(kernel, plan.pod)))
    checkpoint('pod wired')
    journal.done(key)
    checkpoint('done')
    return plan.result
  }

  private async wireHost(plan: Attachment, pod: PodNamespace, host: Reservation): Promise<void> {
    const namespaces = new Map([[String(pod.cookie), pod]])
    // The pod need not wait until the reconciler knows by events what it has done.
    const all = await new Promise<readonly Outcome[]>((resolve, reject) => {
      host.run({ namespaces, onOutcomes: resolve }).then(resolve, reject)
    })
    // A bridge that is made anew brings the links of all its pods along: those are for others to insist on.
    const keys = hostKeys(plan)
    const own = new Set(keys)
    const outcomes = all.filter(({ operation }) => own.has(entryKey(operation.entry)))
    insist(outcomes)
    if (plan.host.length === 0 || outcomes.some(({ operation }) => makesVeth(operation))) return
    // Nothing was refused, and yet no link was made: something in the way kept it out of the plan.
    const [reason] = this.options.reconciler.plan(keys).findings
    throw cniError(
      'interface-exists',
      'attach',
      reason?.message ?? 'the link to the pod could not be planned',
    )
  }

  private async unwire(key: string, record: AttachmentRecord): Promise<void> {
    const { journal, source, reconciler, checkpoint } = this.options
    const { host } = source.get(key)?.plan ?? planRecord(record)
    source.delete(key)
    insist(await reconciler.run(host.map(entryKey)))
    checkpoint('unplugged')
    await this.options.addressesOf(record)?.release(record.wiring.spec)
    checkpoint('released')
    // Last, so that a DEL that was cut short finds the record when it is tried again.
    journal.forget(key)
    checkpoint('forgotten')
  }

  private async undo(key: string, record: AttachmentRecord): Promise<void> {
    const failed = await this.unwire(key, record).catch((error: unknown) => error)
    if (failed === undefined) return
    this.options.log.error(
      'taking back a failed ADD did not succeed; what is left is removed when it can be',
      {
        attachment: key,
        error: errorText(failed),
      },
    )
  }

  private async withPod<T>(pod: PodNamespace, use: (kernel: Kernel) => Promise<T>): Promise<T> {
    const kernel = pod.openKernel()
    try {
      return await use(kernel)
    } finally {
      kernel.close()
    }
  }
}

/** What an attachment needs on the host. */
function hostKeys({ shared, host }: Attachment): string[] {
  return [...shared, ...host].map(entryKey)
}

function makesVeth({ op, entry }: Operation): boolean {
  return op === 'create' && entry.kind === 'link' && entry.type === 'veth'
}

/** Throws the first refusal. */
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

function alreadyAttached(key: string): PodlaceError {
  return cniError(
    'interface-exists',
    'attach',
    `${key} is attached already: DEL it first, or choose another name`,
  )
}

function inWords({ op, why, entry }: Operation): string {
  return `${entryKey(entry)} ${why === 'missing' ? 'is missing' : `would need ${op}`}`
}
