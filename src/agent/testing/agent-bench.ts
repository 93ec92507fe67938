import assert from 'node:assert/strict'
import { type Clock, settle, silentLogger, systemClock } from '../../base/index.ts'
import { cniErrorReply } from '../../cni/index.ts'
import type { Execute } from '../../daemon/index.ts'
import type { NewFile } from '../../ipam/index.ts'
import { createAtOnce } from '../../ipam/testing.ts'
import {
  type Entry,
  entryKey,
  FakeKernel,
  FakeNetwork,
  formatEntry,
  type Operation,
} from '../../kernel/index.ts'
import type { Draft, NetworkConfig, Node } from '../../model/index.ts'
import { MemoryStore, type Store } from '../../store/index.ts'
import type { AdminView } from '../admin.ts'
import { Agent } from '../agent.ts'
import { parseAgentConfig } from '../config.ts'
import { agentMetrics } from '../metrics.ts'
import { memoryKeys } from '../network/testing/memory-keys.ts'
import type { WireguardKeys } from '../network/wireguard-keys.ts'
import type { PodNamespace } from '../pod-namespace.ts'
import { agentView } from '../view.ts'
import { Life, MemoryDisk } from './mortal-world.ts'

interface Reply {
  readonly result?: { readonly ips?: readonly { readonly address: string }[] }
  readonly error?: { readonly code: number; readonly msg: string }
}

export interface AgentBenchOptions {
  /** Which node it is: node-<n> at 192.168.77.<n>; the first by default. */
  readonly n?: number
  /** Of its uplink, besides the IPv4 one. */
  readonly address6?: string
  /** The store that the test writes to; one of its own by default. */
  readonly store?: MemoryStore
  /** How the agent reaches the store; directly by default. */
  readonly through?: Store
  /** Of the machine: where flannel's file is; by default it is not written. */
  readonly subnetFile?: string
  /** Why the store has no Node of this name. */
  readonly noNode?: () => string
  /** It follows no store. */
  readonly standsAlone?: boolean
  /** Keys of the agent's configuration besides. */
  readonly config?: Readonly<Record<string, unknown>>
  /** The network is not of the store. */
  readonly networkConfig?: NetworkConfig
  readonly clock?: Clock
  readonly bootId?: string
  /** How lease files are made; before it returns by default. */
  readonly createFile?: NewFile
  /** Why the host has no iptables. */
  readonly iptablesFault?: string
  /** What is in the file of the node's key. */
  readonly keyFile?: string
  /** Small files of the machine, by path: they outlive agents. */
  readonly files?: Map<string, string>
}

/** One agent with a store in memory and fake kernels; it can be killed and started again. */
export class AgentBench {
  readonly store: MemoryStore
  agent: Agent
  private readonly options: AgentBenchOptions
  private readonly nodeName: string
  private readonly clock: Clock
  private readonly files: Map<string, string>
  private readonly keys: WireguardKeys
  private readonly network = new FakeNetwork()
  private readonly host: FakeKernel
  readonly disk = new MemoryDisk()
  private readonly pods = new Map<string, { kernel: FakeKernel; namespace: PodNamespace }>()
  /** What the shims of calls run on the agent's order. */
  execute: Execute | undefined
  private life = new Life()
  private cookies = 0n
  private operations = 0
  private refused: number | undefined
  private refusedOnce: { isMeant: (operation: Operation) => boolean; errno: string } | undefined
  private watchOperation: (operation: Operation) => void = () => {}

  static async start(options: AgentBenchOptions = {}): Promise<AgentBench> {
    const bench = new AgentBench(options)
    const { n = 1, address6 } = options
    for (const address of [`192.168.77.${n}/24`, ...(address6 === undefined ? [] : [`${address6}/64`])])
      bench.host.namespace.addObject({ kind: 'address', link: 'eth0', address, scope: 'global' }, 'foreign')
    await bench.agent.start()
    return bench
  }

  /** An agent whose node takes part in a network of vxlan, at rest. */
  static async ready(podCidr = '10.244.1.0/24'): Promise<AgentBench> {
    const bench = await AgentBench.start()
    await bench.addNetwork({ spec: { network: '10.244.0.0/16', backend: { type: 'vxlan' } } })
    await bench.addNode('node-1', '192.168.77.1', podCidr)
    await bench.quiet()
    return bench
  }

  private constructor(options: AgentBenchOptions) {
    const { clock = systemClock, files = new Map() } = options
    this.options = options
    this.clock = clock
    this.files = files
    this.store = options.store ?? new MemoryStore({ clock, random: Math.random })
    const { iptablesFault } = options
    this.nodeName = `node-${options.n ?? 1}`
    this.keys = memoryKeys(this.nodeName, options.keyFile)
    this.host = new FakeKernel({
      wireguardSecrets: this.keys,
      network: this.network,
      devices: ['eth0'],
      ...(iptablesFault === undefined ? {} : { iptablesFault }),
    })
    this.host.fault = operation => this.judge(operation)
    this.agent = this.makeAgent()
  }

  async stop(): Promise<void> {
    await this.agent.stop()
  }

  async restart(): Promise<void> {
    this.life.over = true
    await this.agent.stop()
    this.life = new Life()
    this.agent = this.makeAgent()
    await this.agent.start()
  }

  /** The next agent finds no file. */
  loseJournal(): void {
    this.disk.lose()
  }

  /** The agent's process ends at this step of the call. */
  async crashAt(step: string, call: () => Promise<unknown>): Promise<void> {
    await this.agent.stop()
    this.life = new Life(step)
    this.agent = this.makeAgent()
    await this.agent.start()
    await this.quiet()
    await call()
    assert.ok(this.life.over, `the step "${step}" was never reached`)
  }

  async addNetwork(draft: Pick<NetworkConfig, 'spec'>): Promise<void> {
    await this.store.create('NetworkConfig', { ...draft, metadata: { name: 'default' } })
  }

  async addNode(name: string, address: string, podCIDR: string, annotations: Record<string, string> = {}) {
    const draft: Draft<Node> = {
      metadata: { name, annotations },
      spec: { podCIDR, podCIDRs: [podCIDR] },
      status: { addresses: [{ type: 'InternalIP', address }] },
    }
    await this.store.create('Node', draft)
  }

  async addPeer(name: string, address: string, podCIDR: string, vtepMac: string): Promise<void> {
    await this.addNode(name, address, podCIDR, {
      'flannel.alpha.coreos.com/backend-type': 'vxlan',
      'flannel.alpha.coreos.com/backend-data': JSON.stringify({ VNI: 1, VtepMAC: vtepMac }),
      'flannel.alpha.coreos.com/public-ip': address,
      'flannel.alpha.coreos.com/kube-subnet-manager': 'true',
    })
  }

  add(containerId: string, pod?: string): Promise<Reply> {
    return this.call('ADD', containerId, {}, pod)
  }

  async call(
    command: string,
    containerId: string,
    extra: object = {},
    pod?: string,
    ifName = 'eth0',
  ): Promise<Reply> {
    const environment = new Map([
      ['CNI_COMMAND', command],
      ['CNI_CONTAINERID', containerId],
      ['CNI_IFNAME', ifName],
      ['CNI_NETNS', `/run/netns/${containerId}`],
    ])
    const [namespace, name] = pod?.split('/') ?? []
    if (namespace !== undefined && name !== undefined) {
      environment.set('CNI_ARGS', `K8S_POD_NAMESPACE=${namespace};K8S_POD_NAME=${name}`)
    }
    const config = { cniVersion: '1.1.0', name: 'pods', type: 'podlace', ...extra }
    const stdin = Buffer.from(JSON.stringify(config))
    try {
      const request = { type: config.type, fds: [], environment, stdin }
      const { output } = await this.agent.handle(request, this.pod(containerId).namespace, this.execute)
      return output === undefined ? {} : { result: output as NonNullable<Reply['result']> }
    } catch (error) {
      return { error: cniErrorReply(error) }
    }
  }

  /** A new namespace for a container that is started again. */
  freshPod(containerId: string): void {
    this.pods.delete(containerId)
  }

  /** Everything of ours in the host's namespace, as keys in order. */
  hostState(): string[] {
    return ownKeys(this.host)
  }

  /** Everything in the host's namespace. */
  hostEntries(): Entry[] {
    return [...this.host.namespace.entries()].map(({ entry }) => entry)
  }

  podState(containerId: string): string[] {
    return [...this.pod(containerId).kernel.namespace.entries()].map(({ entry }) => entryKey(entry)).sort()
  }

  deletePodRoute(containerId: string): void {
    this.pod(containerId).kernel.namespace.deleteObject('route 0.0.0.0/0 table 254 metric 0')
  }

  deleteHostLink(name: string): void {
    this.host.namespace.deleteLink(name)
  }

  entryOf(key: string): Entry | undefined {
    return this.host.namespace.objects.get(key)?.entry
  }

  kernelHas(key: string): boolean {
    return this.host.namespace.has(key)
  }

  /** What stands in the kernel that names one of these, as commands. */
  commandsAbout(...parts: string[]): string[] {
    return [...this.host.namespace.entries()]
      .map(({ entry }) => formatEntry(entry))
      .filter(command => parts.some(part => command.includes(part)))
      .sort()
  }

  view(): AdminView {
    return agentView(this.agent, this.nodeName, agentMetrics(this.agent))
  }

  async countOperations(action: () => Promise<unknown>): Promise<number> {
    this.operations = 0
    await action()
    return this.operations
  }

  /** The n-th operation from now, on host or pod, is refused with ENOMEM. */
  refuseOperation(n: number): void {
    this.operations = 0
    this.refused = n
  }

  /** The next operation like this one, on host or pod. */
  refuseOnce(isMeant: (operation: Operation) => boolean, errno: string): void {
    this.refusedOnce = { isMeant, errno }
  }

  refuseNothing(): void {
    this.refused = undefined
  }

  /** Lets watches deliver and passes end. */
  async quiet(): Promise<void> {
    for (let n = 0; n < 20; n += 1) {
      await settle()
      await this.agent.reconciler.settled()
    }
  }

  /** Waits for what the store's watches are to bring about; fails after five seconds. */
  async until(what: string, holds: () => boolean): Promise<void> {
    const deadline = systemClock.nowMs() + 5_000
    while (!holds()) {
      assert.ok(
        systemClock.nowMs() < deadline,
        `waited 5 s for ${what}; the agent lacks: ${this.agent.notReady()}`,
      )
      await this.quiet()
    }
  }

  /** Calls `fn` before each kernel operation from now on, on host or pod. */
  beforeOperation(fn: (operation: Operation) => void): void {
    this.watchOperation = fn
  }

  private judge(operation: Operation): { errno: string } | undefined {
    this.watchOperation(operation)
    if (this.refusedOnce?.isMeant(operation) === true) {
      const { errno } = this.refusedOnce
      this.refusedOnce = undefined
      return { errno }
    }
    const fault = this.operations === this.refused ? { errno: 'ENOMEM' } : undefined
    this.operations += 1
    return fault
  }

  private pod(containerId: string): { kernel: FakeKernel; namespace: PodNamespace } {
    const known = this.pods.get(containerId)
    if (known !== undefined) return known
    const kernel = new FakeKernel({ network: this.network, fault: operation => this.judge(operation) })
    this.cookies += 1n
    const namespace: PodNamespace = {
      fds: { netns: kernel.fds.netns, ipv6: 0 },
      cookie: this.cookies,
      openKernel: () => this.life.kernel(kernel),
    }
    this.pods.set(containerId, { kernel, namespace })
    return { kernel, namespace }
  }

  private makeAgent(): Agent {
    const config = parseAgentConfig({
      nodeName: this.nodeName,
      ...(this.options.standsAlone === true ? {} : { api: 'http://unused' }),
      subnetFile: this.options.subnetFile ?? '',
      addressCooldownSeconds: 3600,
      ...this.options.config,
    })
    const { networkConfig } = this.options
    return new Agent(config, {
      store: this.options.through ?? this.store,
      kernel: this.life.kernel(this.host),
      hostNamespace: this.host,
      hardware: { pathOf: () => undefined, driverOf: () => undefined },
      ...(networkConfig === undefined ? {} : { networkConfig }),
      hasIpv6: true,
      wireguardKeys: this.keys,
      journal: this.life.disk(this.disk),
      bootId: this.options.bootId ?? 'boot-1',
      flock: () => true,
      createFile: this.options.createFile ?? createAtOnce,
      readFile: file => this.files.get(file) ?? '',
      writeFile: (file, text) => this.files.set(file, text),
      clock: this.clock,
      random: () => 0.5,
      log: silentLogger,
      checkpoint: this.life.checkpoint,
      ...(this.options.noNode === undefined ? {} : { noNode: this.options.noNode }),
    })
  }
}

function ownKeys(kernel: FakeKernel): string[] {
  return [...kernel.namespace.entries()]
    .filter(({ mark }) => mark === 'ours')
    .map(({ entry }) => entryKey(entry))
    .sort()
}
