import { errorText, KeyedMutex } from '../base/index.ts'
import { cniError } from '../cni/index.ts'
import { type Acquired, acquire } from './acquire.ts'
import type { ClientSettings } from './client-options.ts'
import { Conversation, toServer } from './conversation.ts'
import { type ClientWorld, LeaseKeeper } from './keeper.ts'
import type { LeaseStore } from './lease-files.ts'
import { hostOf, release } from './messages.ts'
import { type LeaseRecord, recordKey } from './record.ts'
import type { Found, PodNamespace } from './site.ts'

export interface LeasesOptions extends ClientWorld {
  readonly store: LeaseStore
  /** Answers are to be broadcast, whatever the interface. */
  readonly broadcast: boolean
  /** How long an ADD may take with servers that offer and do not give. */
  readonly totalMs: number
}

/** The interface that an address is for. */
export type Holder = Pick<LeaseRecord, 'containerId' | 'network' | 'ifName'>

/** Every lease of the machine. One interface's calls wait for each other. */
export class Leases {
  private readonly options: LeasesOptions
  private readonly keepers = new Map<string, LeaseKeeper>()
  private readonly turns = new KeyedMutex()
  private readonly stopping = new AbortController()

  constructor(options: LeasesOptions) {
    this.options = options
  }

  /** Takes up what an earlier daemon has left. */
  restore(): void {
    for (const record of this.options.store.load()) this.keep(record, { restored: true })
  }

  /** Leaves the leases as they are, for the next daemon. */
  async stop(): Promise<void> {
    this.stopping.abort()
    await Promise.all(Array.from(this.keepers.values(), keeper => keeper.stop()))
  }

  get(holder: Holder): LeaseRecord | undefined {
    return this.keepers.get(recordKey(holder))?.record
  }

  *ofNetwork(network: string): Iterable<LeaseRecord> {
    for (const { record } of this.keepers.values()) if (record.network === network) yield record
  }

  /** An address for the interface, kept from now on. Throws `cni.try-again-later` (11) if none is to be had. */
  add(holder: Holder, pod: PodNamespace, netns: string, { options }: ClientSettings): Promise<Acquired> {
    return this.turns.run(recordKey(holder), async () => {
      const found = await this.options.site.enter(pod, holder.ifName)
      try {
        const client = { options, broadcast: this.options.broadcast || found.needsBroadcast }
        const place = { netns, cookie: String(pod.cookie), linkIndex: found.linkIndex }
        return await this.acquire({ ...holder, place, client }, found)
      } finally {
        found.wire.close()
      }
    })
  }

  private async acquire(wanted: Omit<LeaseRecord, 'lease'>, { wire, mac }: Found): Promise<Acquired> {
    const { clock, random, resendMaxMs, log } = this.options
    const { signal } = this.stopping
    const conversation = new Conversation({ wire, mac, clock, random, resendMaxMs, signal })
    // An ADD that is repeated, as its answer was lost, gets what the first one got.
    const before = this.keepers.get(recordKey(wanted))
    const address = before === undefined ? undefined : hostOf(before.record.lease)
    const outcome = await acquire(conversation, wanted.client, { ...this.options, signal }, address)
    const { mishaps } = conversation
    if (!('lease' in outcome)) throw noAddress(wanted, outcome.why + mishaps)
    const { lease } = outcome
    await before?.stop()
    try {
      this.options.store.write({ ...wanted, lease })
    } catch (error) {
      conversation.tell(release(wanted.client, lease), toServer(lease))
      throw error
    }
    this.keep({ ...wanted, lease })
    log.info('an address is leased', {
      lease: recordKey(wanted),
      address: lease.address,
      server: lease.server,
      mishaps,
    })
    return outcome
  }

  /** Gives back what the interface has; nothing is no error. */
  remove(holder: Holder): Promise<void> {
    const key = recordKey(holder)
    return this.turns.run(key, async () => {
      const keeper = this.keepers.get(key)
      if (keeper === undefined) return
      await keeper.stop()
      await keeper.release()
      this.forget(key, keeper)
    })
  }

  private keep(record: LeaseRecord, { restored = false } = {}): void {
    const { store, log } = this.options
    const key = recordKey(record)
    const keeper: LeaseKeeper = new LeaseKeeper(record, this.options, {
      onRecord: changed => {
        try {
          store.write(changed)
        } catch (error) {
          // What is on disk is older: the next daemon would ask sooner than it has to.
          log.error('a lease cannot be written down', { lease: key, error: errorText(error) })
        }
      },
      onGone: why => {
        log.info('a lease ends with its interface', { lease: key, why })
        this.forget(key, keeper)
      },
    })
    this.keepers.set(key, keeper)
    keeper.start({ restored })
  }

  /** Unless another keeper has its place by now. */
  private forget(key: string, keeper: LeaseKeeper): void {
    if (this.keepers.get(key) !== keeper) return
    this.keepers.delete(key)
    this.options.store.remove(key)
  }
}

function noAddress({ ifName, network }: Holder, why: string): Error {
  return cniError(
    'try-again-later',
    `ask for an address on ${ifName}`,
    `no address for network ${network}: ${why}`,
  )
}
