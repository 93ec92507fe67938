import { errorText } from '../base/index.ts'
import type { CniRequest } from '../cni/index.ts'
import type { CallOutcome, Execute } from '../daemon/index.ts'
import { type Collection, Graph, type Source } from '../derive/index.ts'
import type { Family } from '../ip/index.ts'
import { type Entry, Reconciler } from '../kernel/index.ts'
import { blockCooldownSeconds, type NetworkConfig, type Node, type PodBlock } from '../model/index.ts'
import type { AddressOverwrite, OverlayFinding } from '../overlay/index.ts'
import { Informer, MemoryStore } from '../store/index.ts'
import type { Attached } from './attachments/record.ts'
import type { AgentConfig } from './config.ts'
import { type IptablesFamilies, iptablesFamilies } from './iptables-families.ts'
import { BlockLease } from './network/block-lease.ts'
import { Effects } from './network/effects.ts'
import { keptNode } from './network/kept-node.ts'
import type { LeaseMemory } from './network/lease-record.ts'
import { type LeaseState, leaseInWords } from './network/lease-state.ts'
import { OwnNetwork } from './network/own-network.ts'
import { type Plans, planEverything } from './network/plans.ts'
import type { SelfNetwork } from './network/self.ts'
import { SoftwareChecksums } from './network/software-checksums.ts'
import { SubnetFile } from './network/subnet-file.ts'
import type { TunnelDrops } from './network/tunnel-drops.ts'
import { watchUplink } from './network/watch-uplink.ts'
import { NetworkCondition } from './network-condition.ts'
import { PeerWatch } from './peers/peer-watch.ts'
import type { PodNamespace } from './pod-namespace.ts'
import { Pods } from './pods.ts'
import { Registration } from './registration.ts'
import type { AgentWorld } from './world.ts'

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
  readonly softwareChecksums: SoftwareChecksums
  private readonly config: AgentConfig
  private readonly world: AgentWorld
  private readonly configs: Source<NetworkConfig>
  private readonly blocks: Source<PodBlock>
  private readonly selfNetwork: Source<SelfNetwork>
  private readonly informers: readonly Informer<'Node' | 'NetworkConfig' | 'PodBlock'>[]
  private readonly pods: Pods
  private readonly registration: Registration
  private readonly condition: NetworkCondition
  private readonly lease: BlockLease
  private readonly ownNetwork: OwnNetwork
  private readonly effects: Effects
  private readonly endings: (() => void)[] = []
  private readonly iptablesFamilies: IptablesFamilies
  /** As far as they have told. */
  private usableIptables: readonly Family[] = []
  private readonly subnetFile: SubnetFile

  /** Throws `agent.journal-corrupt`. */
  constructor(config: AgentConfig, world: AgentWorld) {
    this.config = config
    this.world = world
    const { clock, random, log, store, kernel } = world
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
    this.softwareChecksums = new SoftwareChecksums({
      memory: this.memory('software-checksums'),
      bootId: world.bootId,
      log,
    })
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
      softwareChecksums: () => this.softwareChecksums.devices,
      lease: this.lease,
      addressesInUse: () => this.pods.addressesInUse(),
      onFenced: () => this.releaseDeletes(),
      onUnfenced: () => this.reconciler.holdDeletes(),
      log,
    })
    this.effects = this.makeEffects()
    this.peers =
      world.probes &&
      new PeerWatch({
        ends: this.plans.ends,
        world: world.probes,
        onSpoiltChecksums: device => {
          if (this.softwareChecksums.add(device)) this.lookAtSelf()
        },
        clock,
        random,
      })
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
    this.pods = new Pods({
      config,
      world,
      reconciler: this.reconciler,
      attached: this.attached,
      networks,
      iptablesFamilies: this.iptablesFamilies,
      standsAlone: this.standsAlone,
      network: () => this.network,
      lacksNetwork: () => this.lacksNetwork(),
    })
    this.subnetFile = new SubnetFile({ file: config.subnetFile, writeFile: world.writeFile, log })
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
      attachmentCount: () => this.pods.count(),
      lease: this.lease,
      clock,
      random,
      log,
    })
  }

  /** Resolves when the node's kernel is as it was promised before; what the store says follows. */
  async start(): Promise<void> {
    await this.pods.restore(this.lease.cidrs)
    // Nothing that is already there is judged before the store was heard: a restart must not cut anybody off.
    this.reconciler.holdDeletes()
    await this.reconciler.start()
    this.pods.spareOrphans(this.plans.entries)
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
    if (this.standsAlone) return this.releaseDeletes()
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
    await this.pods.close()
  }

  /** One call of the CNI shim. */
  handle(request: CniRequest, pod: PodNamespace | undefined, execute?: Execute): Promise<CallOutcome> {
    return this.pods.handle(request, pod, execute)
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

  get tunnelDrops(): TunnelDrops | undefined {
    return this.effects.tunnelDrops
  }

  /** What is wrong with the overlay: with what it is made from, with ways to peers, with what comes in. */
  overlayFindings(): readonly OverlayFinding[] {
    return [
      ...Array.from(this.plans.findings.entries(), ([, finding]) => finding),
      ...(this.peers?.findings() ?? []),
      ...(this.tunnelDrops?.findings() ?? []),
    ]
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
    this.pods.setBlocks(network.self.podCidrs)
    this.releaseDeletes()
    this.subnetFile.write(network)
    if (this.config.setNetworkAvailable) this.condition.poke()
  }

  private releaseDeletes(): void {
    this.reconciler.releaseDeletes()
    this.effects.release()
  }
}

function advertisedBy({ publicAddress, publicAddress6 }: AgentConfig): AddressOverwrite {
  return {
    ...(publicAddress === undefined ? {} : { publicAddress }),
    ...(publicAddress6 === undefined ? {} : { publicAddress6 }),
  }
}
