import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { systemClock } from '../../src/base/index.ts'
import { Netns } from '../../src/sys/index.ts'
import {
  openTunnelQueues,
  startTunnelProcess,
  TunnelClient,
  type TunnelPeer,
  tunnelProgram,
} from '../../src/tunnel/index.ts'
import { eventually } from './agent-nodes.ts'

export const PORT = 8285
export const MTU = 1472
const DEVICE = 'flannel0'

/** Runs `ip`, `sysctl` or whatever else inside a namespace; returns what it prints. */
export function inside(netns: Netns, ...command: readonly string[]): string {
  const where = `--net=/proc/${process.pid}/fd/${netns.fds.netns}`
  return execFileSync('nsenter', [where, ...command], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
}

function ip(netns: Netns, line: string): void {
  inside(netns, 'ip', ...line.split(' '))
}

const place = (netns: Netns) => `/proc/${process.pid}/fd/${netns.fds.netns}`

/** A node `192.168.77.<number>` with the block `10.244.<number>.0/24`, a pod in it, and the TUN device, not yet carried. */
export class UdpNode {
  readonly number: number
  readonly netns = Netns.create()
  readonly pod = Netns.create()
  readonly directory = mkdtempSync(join(tmpdir(), 'podlace-udp-'))
  readonly socketPath = join(this.directory, 'control.sock')
  readonly address: string
  readonly block: string
  readonly tunnelAddress: string
  readonly podAddress: string
  pid: number | undefined

  constructor(number: number) {
    this.number = number
    this.address = `192.168.77.${number}`
    this.block = `10.244.${number}.0/24`
    this.tunnelAddress = `10.244.${number}.0`
    this.podAddress = `10.244.${number}.2`
  }

  get peer(): TunnelPeer {
    return { address: this.address, port: PORT, prefixes: [this.block] }
  }

  /** Gives the pod and the uplink, whose veth is there already, their addresses. */
  setUp(): void {
    ip(this.netns, 'link set lo up')
    ip(this.netns, 'link set eth0 up')
    ip(this.netns, `address add ${this.address}/24 dev eth0`)
    ip(this.netns, `link add pod type veth peer name eth0 netns ${place(this.pod)}`)
    ip(this.netns, `address add 10.244.${this.number}.1/24 dev pod`)
    ip(this.netns, 'link set pod up')
    ip(this.pod, 'link set lo up')
    ip(this.pod, 'link set eth0 up')
    ip(this.pod, `address add ${this.podAddress}/24 dev eth0`)
    ip(this.pod, `route add default via 10.244.${this.number}.1`)
    this.netns.writeSysctl('ipv4/ip_forward', '1')
  }

  /** Starts the process and gives it queues of the device. */
  async carry(queues = 1): Promise<void> {
    this.pid = await startTunnelProcess({
      program: process.env['PODLACE_UDP'] ?? tunnelProgram(),
      socketPath: this.socketPath,
      clock: systemClock,
    })
    await this.configure(queues)
  }

  async configure(count = 1, revision = 1n, mtu = MTU): Promise<void> {
    const endpoint = { address: this.address, port: PORT }
    using opened = openTunnelQueues({ device: DEVICE, endpoint, count, netns: this.netns })
    using client = this.connect()
    await client.configure({ revision, tunnelAddress: this.tunnelAddress, mtu, queues: opened.queues })
    this.setUpDevice()
  }

  /** As the agent's entries would have it. */
  setUpDevice(): void {
    this.netns.writeSysctl(`ipv4/conf/${DEVICE}/accept_local`, '1')
    ip(this.netns, `link set ${DEVICE} mtu ${MTU} up`)
    ip(this.netns, `address replace ${this.tunnelAddress}/32 dev ${DEVICE}`)
    ip(this.netns, `route replace 10.244.0.0/16 dev ${DEVICE}`)
  }

  connect(): TunnelClient {
    return TunnelClient.connect(this.socketPath, systemClock)
  }

  /** Tells the process who its peers are. */
  async know(peers: readonly TunnelPeer[], revision = 1n): Promise<void> {
    using client = this.connect()
    await client.setTable({ revision, localPrefixes: [this.block], peers })
  }

  /** Ends the process and waits until it is gone. */
  async end(signal: NodeJS.Signals): Promise<void> {
    const { pid } = this
    if (pid === undefined) return
    process.kill(pid, signal)
    await eventually(`process ${pid} to end`, () => !existsSync(`/proc/${pid}`))
    this.pid = undefined
  }

  close(): void {
    if (this.pid !== undefined) process.kill(this.pid, 'SIGKILL')
    this.netns.close()
    this.pod.close()
    rmSync(this.directory, { recursive: true, force: true })
  }
}

/** Two nodes, joined by a veth, whose processes are not started yet. */
export class UdpPair implements Disposable {
  readonly one = new UdpNode(1)
  readonly two = new UdpNode(2)

  constructor() {
    try {
      ip(this.one.netns, `link add eth0 type veth peer name eth0 netns ${place(this.two.netns)}`)
      this.one.setUp()
      this.two.setUp()
    } catch (error) {
      this[Symbol.dispose]()
      throw error
    }
  }

  /** Both processes carry, and know each other. */
  async carry(queues = 1): Promise<void> {
    for (const node of [this.one, this.two]) await node.carry(queues)
    await this.one.know([this.two.peer])
    await this.two.know([this.one.peer])
  }

  [Symbol.dispose](): void {
    this.one.close()
    this.two.close()
  }
}

/** Segments that the pod's kernel threw away because of their checksum. */
export function tcpChecksumErrors({ pod }: UdpNode): number {
  const lines = inside(pod, 'cat', '/proc/net/snmp')
    .split('\n')
    .filter(line => line.startsWith('Tcp:'))
  const [names = [], values = []] = lines.map(line => line.split(' '))
  const value = values[names.indexOf('InCsumErrors')]
  assert.ok(value !== undefined)
  return Number(value)
}
