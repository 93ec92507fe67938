import { isDeepStrictEqual } from 'node:util'
import type { CniResult } from '../../attach/index.ts'
import { type Aside, errorText, finished, KeyedMutex, type Logger, NOTHING_ASIDE } from '../../base/index.ts'
import { cniError } from '../../cni/index.ts'
import type { Source } from '../../derive/index.ts'
import { entryKey } from '../../kernel/index.ts'
import { type AddressSource, type Holder, holderKey } from '../addresses/source.ts'
import type { Journal } from '../journal/index.ts'
import type { PodNamespace } from '../pod-namespace.ts'
import type { LiveRecords } from './live-records.ts'
import type { Orphans } from './orphans.ts'
import { type AttachmentName, type Kept, Places } from './places.ts'
import { type Attached, type AttachmentRecord, type Prepared, planRecord, type Wiring } from './record.ts'
import type { NetworkEntries } from './shared-entries.ts'
import type { HostReservation, Wires } from './wires.ts'

export interface AttachmentsOptions {
  readonly journal: Journal<AttachmentRecord>
  readonly live: Pick<LiveRecords, 'hasNetwork'>
  /** Feeds the host's desired entries; written here only. */
  readonly source: Source<Attached>
  readonly networks: NetworkEntries
  readonly wires: Wires
  /** The node's own addresses. */
  readonly pool: Pick<AddressSource, 'release'>
  readonly addressesOf: (record: AttachmentRecord) => AddressSource | undefined
  /** Types whose attachments work on an interface that another made. */
  readonly chainedTypes: readonly string[]
  readonly log: Logger
  /** Called between any two steps; tests die here. */
  readonly checkpoint: (step: string) => void
}

/** Decides what is to be wired; `begin` writes it down, which is before addresses are taken. Throws what `begin` throws. */
export type Prepare = (begin: (attached: Attached) => void) => Promise<Prepared>

/**
 * What pods of this node have from plugins: made, checked and removed. What an ADD has made is taken back if any step
 * fails; calls for one interface run one after another, calls for different ones side by side.
 */
export class Attachments {
  private readonly options: AttachmentsOptions
  private readonly mutex = new KeyedMutex()
  private readonly places: Places
  private orphans: Orphans | undefined

  constructor(options: AttachmentsOptions) {
    this.options = options
    this.places = new Places(options.journal)
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

  /** From now on these go when DEL, or another ADD, names their interface. */
  takeOver(orphans: Orphans): void {
    this.orphans = orphans
  }

  /**
   * Wires what `prepare` decided. Throws `cni.interface-exists` if the attachment is there already.
   *
   * @param prepare takes addresses, and says so by `begin` before it does; called when it is this interface's turn
   */
  add(name: AttachmentName, pod: PodNamespace, prepare: Prepare): Promise<CniResult> {
    return this.mutex.run(holderKey(name.holder), async () => {
      const { journal, checkpoint } = this.options
      const key = this.places.free(name)
      if (name.chained === undefined) await this.removeOrphan(name.holder)
      let recorded = NOTHING_ASIDE
      const begin = (attached: Attached) => {
        if (name.chained !== undefined) this.refuseOtherWishes(name.holder, attached)
        recorded = this.intend(key, attached)
      }
      const { result: attached, kept } = await prepare(begin).catch(async (error: unknown) => {
        journal.forget(key)
        throw error
      })
      checkpoint('prepared')
      const host = this.desire(key, attached)
      try {
        const result = await this.wire(attached, pod, host)
        await finished(recorded)
        await finished(kept)
        checkpoint('synced')
        const { later } = attached
        return later === undefined ? this.finish(key, result) : await this.complete(key, later, pod)
      } catch (error) {
        await this.undo(key, attached.record, pod)
        throw error
      } finally {
        cancel(host)
      }
    })
  }

  /**
   * Removes the attachment; with an interface goes all that is chained to it. One of another network is left alone: its
   * ADD here was refused, and a runtime sends DEL after that.
   *
   * @param pod its namespace, if that is at hand
   * @param giveBack called instead if there is no record, still in this interface's turn: the next ADD takes addresses
   */
  remove(name: AttachmentName, pod?: PodNamespace, giveBack = async (): Promise<void> => {}): Promise<void> {
    const { holder, network, chained } = name
    return this.mutex.run(holderKey(holder), async () => {
      const unwire = async (all: readonly Kept[]) => {
        for (const { key, record } of all)
          if (record.wiring.spec.network === network) await this.unwire(key, record, pod)
      }
      if (chained !== undefined) return unwire(this.places.named(name))
      for (const type of this.options.chainedTypes) await unwire(this.places.chainedTo(holder, type))
      const own = this.places.named(name)
      if (own.length > 0) return unwire(own)
      await this.removeOrphan(holder)
      await giveBack()
    })
  }

  /** What of the attachment is not as it was made, in words; empty if all is. */
  check(name: AttachmentName, pod: PodNamespace): Promise<string[]> {
    const key = holderKey(name.holder)
    return this.mutex.run(key, async () => {
      const named = this.places.named(name)
      if (named.length === 0)
        return [`there is no attachment ${[key, name.chained?.type ?? []].flat().join(' ')}`]
      return (await Promise.all(named.map(one => this.faults(one, pod)))).flat()
    })
  }

  /** Removes every attachment of a network that is not in `keep` (holder keys). One failure does not stop the others. */
  async collect(network: string, keep: ReadonlySet<string>): Promise<void> {
    const { journal } = this.options
    const failures: string[] = []
    for (const [key, { value }] of journal.records()) {
      const { spec } = value.wiring
      if (spec.network !== network || keep.has(holderKey(spec))) continue
      const { type, configuration } = value
      const name = value.isChained === true ? { chained: { type, configuration } } : {}
      await this.remove({ holder: spec, network, ...name }).catch((error: unknown) =>
        failures.push(`${key}: ${errorText(error)}`),
      )
    }
    await this.forgetUnused(network)
    if (failures.length > 0) throw cniError('internal', 'collect garbage', failures.join('; '))
  }

  /** What the interface was made by. */
  wiringOf(holder: Holder): Wiring | undefined {
    return this.options.journal.get(holderKey(holder))?.value.wiring
  }

  count(): number {
    return this.options.journal.count
  }

  /** One thing of the host can be in one way only, and the first one's would stay. */
  private refuseOtherWishes(holder: Holder, { record: { type }, plan }: Attached): void {
    for (const { key } of this.places.chainedTo(holder, type)) {
      const wanted = new Map(plan.host.map(entry => [entryKey(entry), entry]))
      const other = this.options.source.get(key)?.plan.host.find(entry => {
        const own = wanted.get(entryKey(entry))
        return own !== undefined && !isDeepStrictEqual(own, entry)
      })
      if (other === undefined) continue
      const message = `another ${type} of ${holderKey(holder)} wants ${entryKey(other)} in another way: leave one of the two out`
      throw cniError('invalid-configuration', 'attach', message)
    }
  }

  private async faults({ key, record }: Kept, pod: PodNamespace): Promise<string[]> {
    if (record.netnsCookie !== String(pod.cookie)) return [`${key} was attached in another network namespace`]
    return this.options.wires.faults(planRecord(record), pod)
  }

  private async forgetUnused(network: string): Promise<void> {
    const { live, networks, wires } = this.options
    if (!live.hasNetwork(network)) await wires.clear(networks.forget(network))
  }

  private async removeOrphan(holder: Holder): Promise<void> {
    const released = this.orphans?.release(holder)
    if (released === undefined) return
    await this.options.wires.clear(released.keys)
    await this.options.pool.release(released.holder)
  }

  /** Writes it down. */
  private intend(key: string, { record, plan }: Attached): Aside {
    const { journal, live, networks } = this.options
    const { network } = record.wiring.spec
    // What is left of earlier attachments may be of another block: its gateway would take what is for another node now.
    if (!live.hasNetwork(network)) networks.retain(network, plan.shared)
    const syncing = journal.intend(key, record)
    // Whoever waits for it comes later.
    syncing.done.catch(() => undefined)
    return syncing
  }

  /** Says what the host is to hold; it is not made before the reservation is run. */
  private desire(key: string, attached: Attached): HostReservation {
    const { source, networks, wires } = this.options
    const { record, plan } = attached
    const reservation = wires.reserve(plan)
    networks.use(record.wiring.spec.network, plan.shared)
    source.set(key, attached)
    return reservation
  }

  /** Wires it once more, with what could not be known before it was wired. */
  private async complete(
    key: string,
    later: NonNullable<Attached['later']>,
    pod: PodNamespace,
  ): Promise<CniResult> {
    try {
      const attached = await later.get()
      this.options.checkpoint('completed')
      const syncing = this.intend(key, attached)
      const result = await this.rewire(key, attached, pod)
      await finished(syncing)
      return this.finish(key, result)
    } catch (error) {
      // What that says would hide why it failed.
      await later.giveBack().catch(() => undefined)
      throw error
    }
  }

  private async rewire(key: string, attached: Attached, pod: PodNamespace): Promise<CniResult> {
    const host = this.desire(key, attached)
    try {
      return await this.wire(attached, pod, host)
    } finally {
      cancel(host)
    }
  }

  private async wire({ plan }: Attached, pod: PodNamespace, host: HostReservation): Promise<CniResult> {
    const { wires, checkpoint } = this.options
    await wires.makeHost(plan, pod, host)
    checkpoint('host wired')
    await wires.makePod(plan, pod)
    checkpoint('pod wired')
    return plan.result
  }

  private finish(key: string, result: CniResult): CniResult {
    const { journal, checkpoint } = this.options
    journal.done(key)
    checkpoint('done')
    return result
  }

  private async unwire(key: string, record: AttachmentRecord, pod?: PodNamespace): Promise<void> {
    const { journal, source, wires, checkpoint } = this.options
    const plan = source.get(key)?.plan ?? planRecord(record)
    source.delete(key)
    // The namespace of a container that was started again is another one.
    if (pod !== undefined && String(pod.cookie) === record.netnsCookie) await wires.clearPod(plan, pod)
    await wires.remove(plan)
    checkpoint('unplugged')
    await this.options.addressesOf(record)?.release(record.wiring.spec)
    checkpoint('released')
    // Last, so that a DEL that was cut short finds the record when it is tried again.
    journal.forget(key)
    checkpoint('forgotten')
  }

  private async undo(key: string, record: AttachmentRecord, pod: PodNamespace): Promise<void> {
    const failed = await this.unwire(key, record, pod)
      .then(() => this.forgetUnused(record.wiring.spec.network))
      .catch((error: unknown) => error)
    if (failed === undefined) return
    this.options.log.error(
      'taking back a failed ADD did not succeed; what is left is removed when it can be',
      {
        attachment: key,
        error: errorText(failed),
      },
    )
  }
}

function cancel({ entries, chains }: HostReservation): void {
  entries.cancel()
  chains?.cancel()
}
