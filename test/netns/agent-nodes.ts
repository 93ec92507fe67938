import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { Agent, parseAgentConfig, WireguardKeys } from '../../src/agent/index.ts'
import { FileJournalDisk } from '../../src/agent/journal/index.ts'
import { tunnelWorld } from '../../src/agent/network/tunnel-world.ts'
import { keyFileAt } from '../../src/agent/network/wireguard-key-file.ts'
import { hasCode, silentLogger, systemClock } from '../../src/base/index.ts'
import { cniErrorReply } from '../../src/cni/index.ts'
import { NetlinkKernel } from '../../src/kernel/index.ts'
import type { BackendConfig } from '../../src/model/index.ts'
import { PROBE_PACE } from '../../src/probe/index.ts'
import { MemoryStore } from '../../src/store/index.ts'
import {
  bootId,
  createFile,
  ErrorQueueSocket,
  flockSync,
  NetlinkEvents,
  Netns,
  netlinkIn,
  openTun,
} from '../../src/sys/index.ts'
import { TunnelClient, type TunnelStatus } from '../../src/tunnel/index.ts'
import { programsIn, run } from './kernel-harness.ts'

export interface CallReply {
  readonly result?: { readonly ips: readonly { readonly address: string; readonly gateway?: string }[] }
  readonly error?: { readonly code: number; readonly msg: string }
}

export interface ClusterOptions {
  readonly nodeCount?: number
  /** Nodes have addresses of both families, and so have pods. */
  readonly dualStack?: boolean
  /** Joins the nodes by what it makes in the namespace between them; default by a bridge `underlay`. */
  readonly plug?: (nodes: readonly TestNode[], middle: Netns) => void
}

/** Nodes as namespaces of their own, joined by a switch, with an agent each in this process. */
export class TestCluster {
  readonly store = new MemoryStore({ clock: systemClock, random: Math.random })
  readonly nodes: TestNode[] = []
  /** Between the nodes: by default a bridge `underlay` with one port for each, by its name. */
  readonly switch = Netns.create()
  private readonly dualStack: boolean
  private made = 0

  private constructor(dualStack: boolean) {
    this.dualStack = dualStack
  }

  /** Nodes 192.168.77.1, .2 and so on; with both families also fd77::1, ::2 and so on. */
  static async start(
    backend: BackendConfig = { type: 'vxlan' },
    network = '10.244.0.0/16',
    { nodeCount = 2, dualStack = false, plug = plugBridge }: ClusterOptions = {},
  ): Promise<TestCluster> {
    const cluster = new TestCluster(dualStack)
    try {
      await cluster.store.create('NetworkConfig', {
        metadata: { name: 'default' },
        spec: { network, ...(dualStack ? { ipv6Network: 'fd00:10::/48' } : {}), backend },
      })
      for (let n = 1; n <= nodeCount; n += 1) cluster.addNode()
      plug(cluster.nodes, cluster.switch)
      for (const node of cluster.nodes) await node.start()
      return cluster
    } catch (error) {
      await cluster.close()
      throw error
    }
  }

  /** One more, on the bridge of the others. */
  async join(): Promise<TestNode> {
    const node = this.addNode()
    plugPort(node, this.switch)
    await node.start()
    return node
  }

  /** Switches it off, and takes its object away. */
  async remove(node: TestNode): Promise<void> {
    this.nodes.splice(this.nodes.indexOf(node), 1)
    await node.close()
    await this.store.delete('Node', node.name)
  }

  private addNode(): TestNode {
    const node = new TestNode(this.store, ++this.made, this.dualStack)
    this.nodes.push(node)
    return node
  }

  node(n: number): TestNode {
    const node = this.nodes[n - 1]
    if (node === undefined) throw new Error(`there is no node ${n}`)
    return node
  }

  async close(): Promise<void> {
    for (const node of this.nodes) await node.close()
    this.switch.close()
  }
}

function plugBridge(nodes: readonly TestNode[], middle: Netns): void {
  ip(middle, 'link add underlay type bridge')
  ip(middle, 'link set underlay up')
  for (const node of nodes) plugPort(node, middle)
}

/** By `ip`, as an administrator would: what the agent makes itself it also removes. */
function plugPort(node: TestNode, middle: Netns): void {
  const there = `/proc/${process.pid}/fd/${node.netns.fds.netns}`
  ip(middle, `link add ${node.name} type veth peer name eth0 netns ${there}`)
  ip(middle, `link set ${node.name} master underlay up`)
  ip(node.netns, 'link set lo up')
  ip(node.netns, 'link set eth0 up')
  ip(node.netns, `address add ${node.address}/24 dev eth0`)
  if (node.address6 !== undefined) ip(node.netns, `address add ${node.address6}/64 dev eth0 nodad`)
}

export class TestNode {
  readonly name: string
  readonly address: string
  readonly podCidr: string
  /** Undefined in a cluster of one family, as its address of that family. */
  readonly podCidr6: string | undefined
  readonly address6: string | undefined
  readonly netns = Netns.create()
  /** The same, for who must not share sockets with the kernel. */
  private readonly ownSockets = Netns.open(`/proc/self/fd/${this.netns.fds.netns}`)
  readonly stateDir = fs.mkdtempSync(path.join(os.tmpdir(), 'podlace-test-'))
  readonly pods = new Map<string, Netns>()
  agent: Agent | undefined
  private readonly store: MemoryStore
  private kernel: NetlinkKernel | undefined

  constructor(store: MemoryStore, n: number, dualStack: boolean) {
    this.store = store
    this.name = `node-${n}`
    this.address = `192.168.77.${n}`
    this.podCidr = `10.244.${n}.0/24`
    this.podCidr6 = dualStack ? `fd00:10:0:${n}::/64` : undefined
    this.address6 = dualStack ? `fd77::${n}` : undefined
  }

  private get podCidrs(): readonly string[] {
    return this.podCidr6 === undefined ? [this.podCidr] : [this.podCidr, this.podCidr6]
  }

  /** Of each family, what the first pod gets. */
  get firstPodAddresses(): readonly string[] {
    return this.podCidrs.map(cidr => cidr.replace(/0?\/\d+$/, '2'))
  }

  async start(): Promise<void> {
    await this.store.create('Node', {
      metadata: { name: this.name },
      spec: { podCIDR: this.podCidr, podCIDRs: this.podCidrs },
      status: { addresses: [{ type: 'InternalIP', address: this.address }] },
    })
    await this.startAgent()
  }

  async startAgent(): Promise<Agent> {
    const wireguardKeys = new WireguardKeys(keyFileAt(path.join(this.stateDir, 'wireguard.key')), randomBytes)
    this.kernel = new NetlinkKernel({
      netns: this.netns,
      wireguard: { openGeneric: () => netlinkIn(this.netns, 'generic'), secrets: wireguardKeys },
      openEvents: (protocol, groups, options) => NetlinkEvents.openIn(this.netns, protocol, groups, options),
      runProgram: programsIn(this.netns),
      openTun: (name, options) => openTun(name, { ...options, netns: this.netns }),
    })
    this.agent = new Agent(
      parseAgentConfig({
        nodeName: this.name,
        api: 'http://unused',
        stateDir: this.stateDir,
        subnetFile: '',
        addressCooldownSeconds: 0,
      }),
      {
        store: this.store,
        kernel: this.kernel,
        hostNamespace: this.netns,
        hardware: { pathOf: () => undefined, driverOf: () => undefined },
        runProgram: programsIn(this.netns),
        tunnel: tunnelWorld({
          socketPath: path.join(this.stateDir, 'tunnel.sock'),
          netns: this.ownSockets,
          entersNamespace: true,
          clock: systemClock,
        }),
        probes: {
          open: (family, onAnswer) => new ErrorQueueSocket(family, onAnswer, this.netns),
          pace: { ...PROBE_PACE, intervalMs: 3_000, answerWithinMs: 500 },
        },
        hasIpv6: this.netns.fds.ipv6 !== undefined,
        wireguardKeys,
        journal: new FileJournalDisk(path.join(this.stateDir, 'attachments')),
        bootId: bootId(),
        flock: flockSync,
        createFile,
        readFile: file => fs.readFileSync(file, 'utf8'),
        writeFile: (file, text) => fs.writeFileSync(file, text),
        clock: systemClock,
        random: Math.random,
        log: silentLogger,
      },
    )
    await this.agent.start()
    return this.agent
  }

  async stopAgent(): Promise<void> {
    await this.agent?.stop()
    this.kernel?.close()
    this.agent = undefined
  }

  pod(containerId: string): Netns {
    const known = this.pods.get(containerId)
    if (known !== undefined) return known
    const netns = Netns.create()
    this.pods.set(containerId, netns)
    return netns
  }

  async call(command: string, containerId: string, config: object = {}): Promise<CallReply> {
    const netns = this.pod(containerId)
    const environment = new Map([
      ['CNI_COMMAND', command],
      ['CNI_CONTAINERID', containerId],
      ['CNI_IFNAME', 'eth0'],
      ['CNI_NETNS', `/run/netns/${containerId}`],
    ])
    const full = { cniVersion: '1.1.0', name: 'pods', type: 'podlace', ...config }
    try {
      const request = { type: full.type, fds: [], environment, stdin: Buffer.from(JSON.stringify(full)) }
      const { fds, cookie } = netns
      const pod = { fds, cookie, openKernel: () => new NetlinkKernel({ netns }) }
      const { output } = (await this.agent?.handle(request, pod)) ?? {}
      return output === undefined ? {} : { result: output as NonNullable<CallReply['result']> }
    } catch (error) {
      return { error: cniErrorReply(error) }
    }
  }

  /** What the node's tunnel process says; undefined if there is none. */
  async tunnel(): Promise<TunnelStatus | undefined> {
    try {
      using client = TunnelClient.connect(path.join(this.stateDir, 'tunnel.sock'), systemClock)
      return await client.status()
    } catch (error) {
      const nobody = ['sys.enoent', 'sys.econnrefused', 'tunnel.closed'].some(code => hasCode(error, code))
      if (nobody) return undefined
      throw error
    }
  }

  async close(): Promise<void> {
    await this.stopAgent()
    // It is meant to outlive its agent.
    const tunnel = await this.tunnel()
    if (tunnel !== undefined) process.kill(tunnel.pid, 'SIGKILL')
    for (const netns of this.pods.values()) netns.close()
    this.ownSockets.close()
    this.netns.close()
    fs.rmSync(this.stateDir, { recursive: true, force: true })
  }
}

/** `ip` in that namespace. */
export function ip(netns: Netns, command: string): string {
  return run(netns, ['ip', ...command.split(' ')])
}

/** Polls until `look` finds something, with a generous deadline that only a failure meets. */
export async function eventually<T>(
  what: string,
  look: () => T | undefined | Promise<T | undefined>,
): Promise<T> {
  const begun = Date.now()
  for (;;) {
    const found = await look()
    if (found !== undefined && found !== false) return found
    const passedMs = Date.now() - begun
    if (passedMs > 120_000) throw new Error(`waited 120 s for ${what}`)
    // Looking takes the processor from those that are waited for; an emulated one has none to spare.
    await new Promise(resolve => setTimeout(resolve, Math.max(5, passedMs / 10)))
  }
}
