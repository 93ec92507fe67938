import { type Clock, errorText, type Logger } from '../base/index.ts'
import type { CniRequest } from '../cni/index.ts'
import type { CallOutcome, Execute } from '../daemon/index.ts'
import { type Collection, Graph, type Source } from '../derive/index.ts'
import type { Family } from '../ip/index.ts'
import type { FileLock } from '../ipam/index.ts'
import { type Entry, type Kernel, type NamespaceHandle, Reconciler } from '../kernel/index.ts'
import { blockCooldownSeconds, type NetworkConfig, type Node, type PodBlock } from '../model/index.ts'
import {
  type AddressOverwrite,
  overlayMtu,
  renderSubnetEnv,
  subnetEnvFor,
  tunnelPorts,
} from '../overlay/index.ts'
import { Informer, MemoryStore, type Store } from '../store/index.ts'
import { HostLocalStores } from './addresses/host-local.ts'
import { Ipam } from './addresses/ipam.ts'
import { NodePool } from './addresses/node-pool.ts'
import { type AddressSource, holderKey } from './addresses/source.ts'
import { Attachments } from './attachments/attachments.ts'
import { Orphans } from './attachments/orphans.ts'
import { type Attached, type AttachmentRecord, parseRecord } from './attachments/record.ts'
import { NetworkEntries } from './attachments/shared-entries.ts'
import { Wires } from './attachments/wires.ts'
import { Calls } from './calls.ts'
import type { AgentConfig } from './config.ts'
import { type IptablesFamilies, iptablesFamilies } from './iptables-families.ts'
import { Journal, type JournalDisk } from './journal/index.ts'
import { BlockLease } from './network/block-lease.ts'
import { Effects, type EffectsWorld } from './network/effects.ts'
import { keptNode } from './network/kept-node.ts'
import type { LeaseMemory } from './network/lease-record.ts'
import { type LeaseState, leaseInWords } from './network/lease-state.ts'
import { OwnNetwork } from './network/own-network.ts'
import { type Plans, planEverything } from './network/plans.ts'
import type { SelfNetwork } from './network/self.ts'
import { watchUplink } from './network/watch-uplink.ts'
import type { WireguardKeys } from './network/wireguard-keys.ts'
import { NetworkCondition } from './network-condition.ts'
import { PeerWatch, type ProbeWorld } from './peers/peer-watch.ts'
import { allPlugins, CHAINED_TYPES, type Hardware } from './plugins/index.ts'
import type { PodNetwork } from './plugins/podlace.ts'
import type { PodNamespace } from './pod-namespace.ts'
import { Registration } from './registration.ts'

/** The world outside, as one agent may touch it. */
export interface AgentWorld extends EffectsWorld {
  readonly store: Store
  /** Why the store has no Node of this name, in words; by default, that its kubelet creates it. */
  readonly noNode?: () => string
  /** The node's own namespace; the agent is its only writer. */
  readonly kernel: Kernel
  /** The same namespace, for links of pods that are made of its devices. */
  readonly hostNamespace: NamespaceHandle
  readonly hasIpv6: boolean
  /** What backend wireguard takes; `kernel` asks it for the keys that entries name. */
  readonly wireguardKeys?: WireguardKeys
  readonly hardware: Hardware
  /** The pod network where it does not come from the store; then no block of it is claimed there either. */
  readonly networkConfig?: NetworkConfig
  /** Without it nobody asks whether peers can be reached. */
  readonly probes?: ProbeWorld
  readonly journal: JournalDisk
  /** Names the machine's life: a journal of another one speaks of namespaces that are gone. */
  readonly bootId: string
  readonly flock: FileLock
  readonly readFile: (file: string) => string
  /** Puts a small file in place of an older one. */
  readonly writeFile: (file: string, text: string) => void
  readonly clock: Clock
  readonly random: () => number
  readonly log: Logger
  /** Called between the steps of ADD and DEL; tests die here. */
  readonly checkpoint?: (step: string) => void
}

/** Where the standard `tuning` plugin has its list. */
const SYSCTL_ALLOWLIST = '/etc/cni/tuning/allowlist.conf'

/**
 * One node: follows the objects, keeps the node's kernel as they want it, and attaches pods. Everything it does to
 * the kernel goes through `reconciler`; everything it wants of it is in `plans.entries`.
 */
export class Agent {
  readonly reconciler: Reconciler
  readonly plans: Plans
  readonly nodes: Source<Node>
  readonly attached: Source<Attached>
  readonly peers: PeerWatch | undefined
  private readonly config: AgentConfig
  private readonly world: AgentWorld
  private readonly configs: Source<NetworkConfig>
  private readonly blocks: Source<PodBlock>
  private readonly selfNetwork: Source<SelfNetwork>
  private readonly informers: readonly Informer<'Node' | 'NetworkConfig' | 'PodBlock'>[]
  private readonly journal: Journal<AttachmentRecord>
  private readonly pool: NodePool
  private readonly hostLocal: HostLocalStores
  private readonly attachments: Attachments
  private readonly calls: Calls
  private readonly registration: Registration
  private readonly condition: NetworkCondition
  private readonly lease: BlockLease
  private readonly ownNetwork: OwnNetwork
  private readonly effects: Effects
  private readonly endings: (() => void)[] = []
  private readonly iptablesFamilies: IptablesFamilies
  /** As far as they have told. */
  private usableIptables: readonly Family[] = []
  private orphans: Orphans | undefined
  private subnetEnv = ''

  /** Throws `agent.journal-corrupt`. */
  constructor(config: AgentConfig, world: AgentWorld) {
    this.config = config
    this.world = world
    const { clock, random, log, store, kernel } = world
    this.journal = new Journal({
      disk: world.journal,
      bootId: world.bootId,
      parse: parseRecord,
      recover: config.recoverJournal,
    })
    if (this.journal.notice !== undefined) log.warn(this.journal.notice)
    const graph = new Graph()
    graph.onDefect(error => log.error('a plan failed', { error: errorText(error) }))
    this.nodes = graph.source('nodes')
    this.configs = graph.source('networkconfigs')
    this.blocks = graph.source('podblocks')
    this.selfNetwork = graph.source('self')
    this.attached = graph.source('attachments')
    const networks = graph.source<readonly Entry[]>('networks')
    this.plans = planEverything({
      nodes: this.nodes,
      self: this.selfNetwork,
      attachments: this.attached,
      networks,
    })
    this.lease = this.makeLease()
    this.iptablesFamilies = iptablesFamilies(family => kernel.iptablesFault(family))
    this.ownNetwork = new OwnNetwork({
      nodeName: config.nodeName,
      lacksAtFirst: this.standsAlone
        ? 'this agent follows no API server and no etcd, and so has no pod network: start it with --api or --etcd-endpoints'
        : 'the object store has not been reached yet',
      noNode: world.noNode ?? (() => `there is no Node ${config.nodeName}: it is created by its kubelet`),
      configName: config.network,
      uplink: config.uplink,
      uplinkAddress: config.uplinkAddress,
      advertised: advertisedBy(config),
      nodes: this.nodes,
      configs: this.configs,
      blocks: this.blocks,
      self: this.selfNetwork,
      takeUpKeys: config => world.wireguardKeys?.takeUp(config) ?? {},
      observed: () => this.reconciler.observed.entries(),
      preStartupOutput: () => this.effects.preStartupOutput,
      iptablesFamilies: () => this.usableIptables,
      hasIpv6: world.hasIpv6,
      lease: this.lease,
      addressesInUse: () => Array.from(this.heldAddresses(), ([, address]) => address),
      onFenced: () => this.releaseDeletes(),
      log,
    })
    this.effects = this.makeEffects()
    this.peers = world.probes && new PeerWatch({ ends: this.plans.ends, world: world.probes, clock, random })
    this.reconciler = new Reconciler({ kernel, desired: this.plans.entries, clock, random, log })
    if (world.networkConfig !== undefined) this.configs.set(config.network, world.networkConfig)
    const stem = config.annotationPrefix
    const follow = { store, clock, random, log }
    this.informers = [
      new Informer({ ...follow, kind: 'Node', source: this.nodes, keep: node => keptNode(node, stem) }),
      ...(world.networkConfig === undefined
        ? [
            new Informer({ ...follow, kind: 'NetworkConfig', source: this.configs }),
            new Informer({ ...follow, kind: 'PodBlock', source: this.blocks }),
          ]
        : []),
    ]
    const cooldownMs = config.addressCooldownSeconds * 1000
    this.pool = new NodePool({ clock, cooldownMs })
    const { flock, readFile } = world
    this.hostLocal = new HostLocalStores({ flock, clock, random, cooldownMs, readFile })
    this.attachments = new Attachments({
      journal: this.journal,
      source: this.attached,
      networks: new NetworkEntries(networks),
      wires: new Wires(this.reconciler, world),
      chainedTypes: CHAINED_TYPES,
      pool: this.pool,
      addressesOf: record => this.addressesOf(record),
      log,
      checkpoint: world.checkpoint ?? (() => {}),
    })
    this.calls = this.makeCalls()
    this.condition = new NetworkCondition({
      nodeName: config.nodeName,
      store,
      nodeUid: () => this.network?.nodeUid,
      clock,
      random,
      log,
    })
    this.registration = new Registration({
      nodeName: config.nodeName,
      store,
      nodes: this.nodes,
      annotationStem: stem,
      blocks: this.blocks,
      network: () => this.network,
      attachmentCount: () => this.attachments.count(),
      lease: this.lease,
      clock,
      random,
      log,
    })
  }

  /** Resolves when the node's kernel is as it was promised before; what the store says follows. */
  async start(): Promise<void> {
    await this.attachments.restore()
    // Also while there is no Node: what a DEL gives back must rest.
    this.pool.setBlocks(this.lease.cidrs, this.heldAddresses())
    // Nothing that is already there is judged before the store was heard: a restart must not cut anybody off.
    this.reconciler.holdDeletes()
    await this.reconciler.start()
    if (this.journal.isLossy) this.spareOrphans()
    this.endings.push(
      watchUplink(
        this.world.kernel,
        () => this.network?.self.uplink.device,
        () => this.lookAtSelf(),
      ),
      this.selfNetwork.subscribe(() => this.takeUp(this.network)),
      this.nodes.subscribe(changes => {
        if (changes.every(({ key }) => key !== this.config.nodeName)) return
        this.lookAtSelf()
        this.registration.pokeAnnotations()
      }),
      this.configs.subscribe(() => this.lookAtSelf()),
      this.blocks.subscribe(changes => {
        const concerned = changes.some(({ before, after }) => this.ownNetwork.concerns(after ?? before))
        if (!concerned) return
        for (const change of changes) {
          if (this.ownNetwork.concerns(change.after ?? change.before)) this.lease.heard(change)
        }
        this.lookAtSelf()
        this.registration.pokeReport()
      }),
      this.attached.subscribe(() => {
        this.registration.pokeReport()
        if (this.ownNetwork.fenced) this.lookAtSelf()
      }),
    )
    // Nobody will ever say more: what is not in the journal is not wanted.
    if (this.standsAlone) return this.reconciler.releaseDeletes()
    this.usableIptables = await this.iptablesFamilies()
    this.lease.start()
    this.lookAtSelf()
    for (const informer of this.informers) {
      informer.onSynced(() => this.lookAtSelf())
      informer.start()
    }
  }

  /** Stops following; the kernel keeps everything, so that pods notice nothing. */
  async stop(): Promise<void> {
    for (const end of this.endings) end()
    this.lease.stop()
    this.registration.stop()
    this.condition.stop()
    this.effects.stop()
    this.peers?.stop()
    for (const informer of this.informers) await informer.stop()
    await this.reconciler.stop()
    await this.journal.close()
  }

  /** One call of the CNI shim. */
  handle(request: CniRequest, pod: PodNamespace | undefined, execute?: Execute): Promise<CallOutcome> {
    return this.calls.handle(request, pod, execute)
  }

  /** Without objects of others to follow: it serves the standard plugins, and there is no pod network. */
  private get standsAlone(): boolean {
    const { api, kubeconfig, etcdEndpoints } = this.config
    return api === undefined && kubeconfig === undefined && etcdEndpoints === undefined
  }

  /** Why the agent is not what its node needs yet, in words. */
  notReady(): string | undefined {
    return this.standsAlone ? undefined : this.lacksNetwork()
  }

  /** Why no pod can be attached to the pod network now, in words. */
  private lacksNetwork(): string | undefined {
    return this.ownNetwork.lacks
  }

  /** The claim on the node's blocks: whether it holds, and in words. */
  get leaseState(): { readonly state: LeaseState; readonly remainingMs: number; readonly text: string } {
    const nowMs = this.world.clock.nowMs()
    const { state } = this.lease
    return { state, remainingMs: Math.max(0, state.untilMs - nowMs), text: leaseInWords(state, nowMs) }
  }

  /** What the others would be told if these were the node's objects; or why it could not take part, in words. */
  announcement(node: Node, config: NetworkConfig): ReadonlyMap<string, string | null> | string {
    return this.ownNetwork.announcement(node, config)
  }

  get network(): SelfNetwork | undefined {
    return this.ownNetwork.network
  }

  get synced(): boolean {
    return this.informers.every(informer => informer.synced)
  }

  get connected(): boolean {
    return this.informers.every(informer => informer.connected)
  }

  get entries(): Collection<Entry> {
    return this.plans.entries
  }

  private makeEffects(): Effects {
    return new Effects({
      effects: this.plans.effects,
      world: this.world,
      memory: this.memory('extension'),
      onOutput: () => this.lookAtSelf(),
    })
  }

  /** A small file of the agent's own. */
  private memory(name: string): LeaseMemory {
    const file = `${this.config.stateDir}/${name}`
    const { readFile, writeFile } = this.world
    return { read: () => readFile(file), write: text => writeFile(file, text) }
  }

  private makeLease(): BlockLease {
    const { config, world } = this
    const { bootId, clock, random, log } = world
    // Where the network is not of the store, nobody claims blocks there: whoever sets podCIDR sees to it.
    const store = world.networkConfig === undefined ? world.store : new MemoryStore({ clock, random })
    return new BlockLease({
      nodeName: config.nodeName,
      bootId,
      store,
      blocks: this.blocks,
      memory: this.memory('lease'),
      cooldownSeconds: () => {
        const spec = this.configs.get(config.network)?.spec
        return spec && blockCooldownSeconds(spec)
      },
      onChange: () => this.lookAtSelf(),
      clock,
      random,
      log,
    })
  }

  /** Pods whose records were lost live on: what they have stays, and their addresses are not given to others. */
  private spareOrphans(): void {
    const orphans = new Orphans(this.reconciler.observed, key => this.plans.entries.get(key) !== undefined)
    if (orphans.size === 0) return this.journal.declareWhole()
    const advice = 'it stays until DEL names the interface; start these pods anew to be rid of it'
    this.world.log.warn(`the journal does not speak of all that pods have here: ${advice}`, {
      entries: orphans.size,
    })
    this.attachments.takeOver(orphans)
    this.reconciler.spare(key => orphans.spares(key))
    this.orphans = orphans
    this.pool.hold(orphans.held())
  }

  /** Looks again at whether and how the node takes part in the network. */
  lookAtSelf(): void {
    if (this.synced) this.ownNetwork.look()
    else this.ownNetwork.lookAtLease()
  }

  /** The node's part in the network is another one now, or none. */
  private takeUp(network: SelfNetwork | undefined): void {
    this.registration.pokeAnnotations()
    this.registration.pokeReport()
    // The pool stays while the node is cut off: it may get the same block back, with ADDs under way that took of it.
    if (network === undefined) return
    this.pool.setBlocks(network.self.podCidrs, this.heldAddresses())
    this.pool.hold(this.orphans?.held() ?? [])
    this.releaseDeletes()
    this.writeSubnetEnv(network)
    if (this.config.setNetworkAvailable) this.condition.poke()
  }

  private releaseDeletes(): void {
    this.reconciler.releaseDeletes()
    this.effects.release()
  }

  private *heldAddresses(): Iterable<readonly [string, string]> {
    for (const [, { value }] of this.journal.records()) {
      const { spec } = value.wiring
      if (value.addresses?.source !== 'node') continue
      for (const { address } of 'ips' in spec ? spec.ips : [])
        yield [holderKey(spec), address.split('/')[0] ?? address]
    }
  }

  private writeSubnetEnv({ config, self }: SelfNetwork): void {
    const file = this.config.subnetFile
    const text = renderSubnetEnv(subnetEnvFor(config, self))
    if (file === '' || text === this.subnetEnv) return
    try {
      this.world.writeFile(file, text)
      this.subnetEnv = text
    } catch (error) {
      this.world.log.warn('cannot write the subnet file; plugins of type flannel will not find it', {
        file,
        error: errorText(error),
      })
    }
  }

  private podNetwork(): PodNetwork {
    const network = this.network
    if (network === undefined) throw new Error(`the pod network is not known: ${this.lacksNetwork() ?? ''}`)
    return { bridge: this.config.bridge, mtu: overlayMtu(network.config, network.self) }
  }

  private addressesOf({ addresses, wiring }: AttachmentRecord): AddressSource | undefined {
    if (addresses === undefined) return undefined
    if (addresses.source === 'node') return this.pool
    return this.hostLocal.forDirectory(addresses.dataDir, wiring.spec.network)
  }

  private makeCalls(): Calls {
    const { world, config } = this
    const host = {
      nodeName: config.nodeName,
      hasIpv6: world.hasIpv6,
      tunnelPorts: () => (this.network === undefined ? [] : tunnelPorts(this.network.config)),
    }
    const ipam = new Ipam(network => this.hostLocal.forConfiguration(network))
    return new Calls({
      attachments: this.attachments,
      ipam,
      blocks: {
        lacks: () => this.lacksNetwork(),
        names: () => this.network?.self.podCidrs.join(' ') ?? '',
      },
      plugins: allPlugins({
        host,
        ipam,
        observed: () => this.reconciler.observed,
        podNetwork: { addresses: this.pool, network: () => this.podNetwork() },
        readSubnetFile: world.readFile,
        standsAlone: this.standsAlone,
        hardware: world.hardware,
        iptablesFamilies: this.iptablesFamilies,
        portClaims: own => this.attachments.portClaims(own),
        wiringOf: holder => this.attachments.wiringOf(holder),
        sysctlAllowlist: () => readIfThere(world.readFile, SYSCTL_ALLOWLIST),
      }),
    })
  }
}

function advertisedBy({ publicAddress, publicAddress6 }: AgentConfig): AddressOverwrite {
  return {
    ...(publicAddress === undefined ? {} : { publicAddress }),
    ...(publicAddress6 === undefined ? {} : { publicAddress6 }),
  }
}

function readIfThere(readFile: AgentWorld['readFile'], file: string): string | undefined {
  try {
    return readFile(file)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}
