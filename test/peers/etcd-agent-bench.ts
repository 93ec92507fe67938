import { EtcdMembership } from '../../src/agent/etcd/index.ts'
import { AgentBench } from '../../src/agent/testing/agent-bench.ts'
import { silentLogger, systemClock } from '../../src/base/index.ts'
import { EtcdServer } from './etcd-server.ts'

export const PREFIX = '/coreos.com/network'
export const SUBNETS = `${PREFIX}/subnets`
export const BACKEND = { Type: 'vxlan', VNI: 1 }
const SUBNET_FILE = '/run/flannel/subnet.env'

/** The bytes that flannel writes for a vxlan node. */
export function flannelValue(address: string, mac: string): string {
  return `{"PublicIP":"${address}","PublicIPv6":null,"BackendType":"vxlan","BackendData":{"VNI":1,"VtepMAC":"${mac}"}}`
}

/** One agent, node-1 at 192.168.77.1, with a kernel that is none, and a real etcd. */
export class EtcdNode {
  readonly server: EtcdServer
  readonly bench: AgentBench
  private readonly membership: EtcdMembership
  private leave: () => void

  static async start(): Promise<EtcdNode> {
    const server = await EtcdServer.start()
    // Blocks below are for peers.
    const config = { Network: '10.5.0.0/16', SubnetMin: '10.5.100.0', Backend: BACKEND }
    server.ctl('put', `${PREFIX}/config`, JSON.stringify(config))
    const files = new Map<string, string>()
    const membership = new EtcdMembership({
      etcd: server.client({ timeoutMs: 1_000 }),
      prefix: PREFIX,
      nodeName: 'node-1',
      configName: 'default',
      publicAddress: '192.168.77.1',
      uplinkAddress: '192.168.77.1',
      masquerading: { masquerade: true },
      bootId: 'boot-1',
      readSubnetFile: () => files.get(SUBNET_FILE) ?? '',
      clock: systemClock,
      random: Math.random,
      log: silentLogger,
    })
    const bench = await AgentBench.start({
      through: membership.store,
      files,
      subnetFile: SUBNET_FILE,
      noNode: () => membership.noNode,
    })
    return new EtcdNode(server, bench, membership)
  }

  private constructor(server: EtcdServer, bench: AgentBench, membership: EtcdMembership) {
    this.server = server
    this.bench = bench
    this.membership = membership
    this.leave = membership.join(bench.agent)
  }

  /** Keys of leases and their values. */
  leases(): Map<string, string> {
    const lines = this.server.ctl('get', `${SUBNETS}/`, '--prefix').trim().split('\n')
    const pairs = lines.flatMap((line, index): [string, string][] =>
      index % 2 === 0 && line !== '' ? [[line.slice(SUBNETS.length + 1), lines[index + 1] ?? '']] : [],
    )
    return new Map(pairs)
  }

  put(key: string, value: string, ...flags: string[]): void {
    this.server.ctl('put', `${SUBNETS}/${key}`, value, ...flags)
  }

  /** The block of the agent, when it is ready. */
  async ready(): Promise<string> {
    await this.until('it is ready', () => this.bench.agent.notReady() === undefined)
    return this.bench.agent.network?.self.podCidrs.join(' ') ?? ''
  }

  /** Fails after ten seconds. */
  async until(what: string, holds: () => boolean): Promise<void> {
    const deadline = systemClock.nowMs() + 10_000
    while (!holds()) {
      if (systemClock.nowMs() > deadline)
        throw new Error(`waited 10 s until ${what}; the agent lacks: ${this.bench.agent.notReady()}`)
      await this.bench.quiet()
      await new Promise(resolve => setTimeout(resolve, 10))
    }
  }

  async restart(): Promise<void> {
    this.leave()
    await this.bench.restart()
    this.leave = this.membership.join(this.bench.agent)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.leave()
    await this.bench.stop()
    await this.server[Symbol.asyncDispose]()
  }
}
