import { ifThere } from '../base/index.ts'
import type { CniRequest } from '../cni/index.ts'
import type { CallOutcome, Execute } from '../daemon/index.ts'
import type { Collection, Source } from '../derive/index.ts'
import type { Entry, Reconciler } from '../kernel/index.ts'
import { overlayMtu, tunnelPorts } from '../overlay/index.ts'
import { HostLocalStores } from './addresses/host-local.ts'
import { Ipam } from './addresses/ipam.ts'
import { NodePool } from './addresses/node-pool.ts'
import { type AddressSource, holderKey } from './addresses/source.ts'
import { Attachments } from './attachments/attachments.ts'
import { LiveRecords } from './attachments/live-records.ts'
import { Orphans } from './attachments/orphans.ts'
import { type Attached, type AttachmentRecord, parseRecord } from './attachments/record.ts'
import { NetworkEntries } from './attachments/shared-entries.ts'
import { Wires } from './attachments/wires.ts'
import { Calls } from './calls.ts'
import type { AgentConfig } from './config.ts'
import type { IptablesFamilies } from './iptables-families.ts'
import { Journal } from './journal/index.ts'
import type { SelfNetwork } from './network/self.ts'
import { allPlugins, CHAINED_TYPES } from './plugins/index.ts'
import type { PodNetwork } from './plugins/podlace.ts'
import type { PodNamespace } from './pod-namespace.ts'
import type { AgentWorld } from './world.ts'

/** Where the standard `tuning` plugin has its list. */
const SYSCTL_ALLOWLIST = '/etc/cni/tuning/allowlist.conf'

export interface PodsOptions {
  readonly config: AgentConfig
  readonly world: AgentWorld
  readonly reconciler: Reconciler
  /** Written here only: what attachments, and their networks, need of the host. */
  readonly attached: Source<Attached>
  readonly networks: Source<readonly Entry[]>
  readonly iptablesFamilies: IptablesFamilies
  /** There is no pod network, and never will be. */
  readonly standsAlone: boolean
  /** The node's part in the pod network. */
  readonly network: () => SelfNetwork | undefined
  /** Why no pod can be attached to it now, in words. */
  readonly lacksNetwork: () => string | undefined
}

/** The pods of this node: their addresses, their attachments, and the calls of the shim about them. */
export class Pods {
  private readonly options: PodsOptions
  private readonly live = new LiveRecords()
  private readonly journal: Journal<AttachmentRecord>
  private readonly pool: NodePool
  private readonly hostLocal: HostLocalStores
  private readonly attachments: Attachments
  private readonly calls: Calls
  private orphans: Orphans | undefined

  /** Throws `agent.journal-corrupt`. */
  constructor(options: PodsOptions) {
    this.options = options
    const { config, world, reconciler } = options
    const { clock, random, log, flock, createFile, readFile } = world
    this.journal = new Journal({
      disk: world.journal,
      bootId: world.bootId,
      parse: parseRecord,
      recover: config.recoverJournal,
      onChange: (before, after) => this.live.replace(before, after),
    })
    if (this.journal.notice !== undefined) log.warn(this.journal.notice)
    const cooldownMs = config.addressCooldownSeconds * 1000
    this.pool = new NodePool({ clock, cooldownMs })
    this.hostLocal = new HostLocalStores({ flock, createFile, clock, random, cooldownMs, readFile })
    this.attachments = new Attachments({
      journal: this.journal,
      live: this.live,
      source: options.attached,
      networks: new NetworkEntries(options.networks),
      wires: new Wires(reconciler, world),
      chainedTypes: CHAINED_TYPES,
      pool: this.pool,
      addressesOf: record => this.addressesOf(record),
      log,
      checkpoint: world.checkpoint ?? (() => {}),
    })
    this.calls = this.makeCalls()
  }

  /** Takes up what was promised before; to be called before the reconciler starts. @param cidrs the node's blocks */
  async restore(cidrs: readonly string[]): Promise<void> {
    await this.attachments.restore()
    // Also while there is no Node: what a DEL gives back must rest.
    this.pool.setBlocks(cidrs, this.heldAddresses())
  }

  /**
   * Pods whose records were lost live on: what they have stays, and their addresses are not given to others. To be
   * called when the reconciler knows what is there.
   */
  spareOrphans(desired: Collection<Entry>): void {
    if (!this.journal.isLossy) return
    const { reconciler, world } = this.options
    const orphans = new Orphans(reconciler.observed, key => desired.get(key) !== undefined)
    if (orphans.size === 0) return this.journal.declareWhole()
    const advice = 'it stays until DEL names the interface; start these pods anew to be rid of it'
    world.log.warn(`the journal does not speak of all that pods have here: ${advice}`, {
      entries: orphans.size,
    })
    this.attachments.takeOver(orphans)
    reconciler.spare(key => orphans.spares(key))
    this.orphans = orphans
    this.pool.hold(orphans.held())
  }

  /** From now on addresses are of these blocks. */
  setBlocks(cidrs: readonly string[]): void {
    this.pool.setBlocks(cidrs, this.heldAddresses())
    this.pool.hold(this.orphans?.held() ?? [])
  }

  /** Addresses of the node's blocks that pods have. */
  addressesInUse(): readonly string[] {
    return Array.from(this.heldAddresses(), ([, address]) => address)
  }

  count(): number {
    return this.attachments.count()
  }

  /** One call of the CNI shim. */
  handle(request: CniRequest, pod: PodNamespace | undefined, execute?: Execute): Promise<CallOutcome> {
    return this.calls.handle(request, pod, execute)
  }

  close(): Promise<void> {
    return this.journal.close()
  }

  private *heldAddresses(): Iterable<readonly [string, string]> {
    for (const [, { value }] of this.journal.records()) {
      const { spec } = value.wiring
      if (value.addresses?.source !== 'node') continue
      for (const { address } of 'ips' in spec ? spec.ips : [])
        yield [holderKey(spec), address.split('/')[0] ?? address]
    }
  }

  private podNetwork(): PodNetwork {
    const { config, network, lacksNetwork } = this.options
    const own = network()
    if (own === undefined) throw new Error(`the pod network is not known: ${lacksNetwork() ?? ''}`)
    return { bridge: config.bridge, mtu: overlayMtu(own.config, own.self) }
  }

  private addressesOf({ addresses, wiring }: AttachmentRecord): AddressSource | undefined {
    if (addresses === undefined) return undefined
    if (addresses.source === 'node') return this.pool
    return this.hostLocal.forDirectory(addresses.dataDir, wiring.spec.network)
  }

  private makeCalls(): Calls {
    const { world, config, network, lacksNetwork, reconciler, standsAlone, iptablesFamilies } = this.options
    const host = {
      nodeName: config.nodeName,
      hasIpv6: world.hasIpv6,
      tunnelPorts: () => {
        const own = network()
        return own === undefined ? [] : tunnelPorts(own.config)
      },
    }
    const ipam = new Ipam(configuration => this.hostLocal.forConfiguration(configuration))
    return new Calls({
      attachments: this.attachments,
      ipam,
      blocks: { lacks: lacksNetwork, names: () => network()?.self.podCidrs.join(' ') ?? '' },
      plugins: allPlugins({
        host,
        ipam,
        observed: () => reconciler.known(),
        podNetwork: { addresses: this.pool, network: () => this.podNetwork() },
        readSubnetFile: world.readFile,
        standsAlone,
        hardware: world.hardware,
        iptablesFamilies,
        portClaims: (own, wanted) => this.live.portClaims(own, wanted),
        wiringOf: holder => this.attachments.wiringOf(holder),
        sysctlAllowlist: () => ifThere(() => world.readFile(SYSCTL_ALLOWLIST)),
      }),
    })
  }
}
