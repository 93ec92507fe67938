import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { SERVICE_UID } from '../../src/lab/index.ts'
import { decodeLink, getLink, NetlinkClient } from '../../src/netlink/index.ts'
import { decodeDhcp, decodeUdpIpv4 } from '../../src/packet/index.ts'
import { Netns, PacketSocket } from '../../src/sys/index.ts'
import { eventually, ip } from './agent-nodes.ts'

const ROOT = path.resolve(import.meta.dirname, '../..')
const MAIN = path.join(ROOT, 'src/cli/main.ts')
const SHIM = path.join(ROOT, 'build/podlace-cni')

type Program = 'server' | 'dhcp' | 'agent'

export interface PluginReply {
  readonly exitCode: number | null
  readonly output: {
    readonly code?: number
    readonly msg?: string
    readonly ips?: readonly { readonly address: string; readonly gateway?: string }[]
    readonly routes?: readonly { readonly dst: string; readonly gw?: string }[]
    readonly dns?: object
  }
}

/**
 * A machine with an agent that stands alone and the DHCP daemon, on a network with a DHCP server of its own: the bridge
 * `lan` and the device `up1` lead there.
 */
export class DhcpNode {
  readonly host = Netns.create()
  readonly far = Netns.create()
  readonly directory = fs.mkdtempSync(path.join(os.tmpdir(), 'podlace-dhcp-'))
  /** What clients have said to the server, as it came by: `request from 10.77.0.20`. */
  readonly heard: string[] = []
  private readonly pods = new Map<string, Netns>()
  private readonly children = new Map<Program, ChildProcess>()
  private ear: PacketSocket | undefined

  constructor() {
    for (const name of ['bin', 'state', 'pods', 'run']) fs.mkdirSync(this.at(name))
    // The directory of an agent without root.
    fs.chownSync(this.at('run'), SERVICE_UID, SERVICE_UID)
    for (const type of ['bridge', 'macvlan', 'dhcp']) fs.copyFileSync(SHIM, this.at(`bin/${type}`))
    const far = `/proc/${process.pid}/fd/${this.far.fds.netns}`
    ip(this.far, 'link add name br0 type bridge')
    ip(this.far, 'address add 10.77.0.1/24 dev br0')
    for (const index of [0, 1]) {
      ip(this.host, `link add up${index} type veth peer name far${index} netns ${far}`)
      ip(this.far, `link set far${index} master br0 up`)
      ip(this.host, `link set up${index} up`)
    }
    ip(this.host, 'link add lan type bridge')
    ip(this.host, 'link set up0 master lan')
    for (const name of ['lo', 'lan']) ip(this.host, `link set ${name} up`)
    ip(this.far, 'link set br0 up')
  }

  at(name: string): string {
    return path.join(this.directory, name)
  }

  /** @param renewalSeconds T1, up to 255; half of the lease if left out */
  async startServer(leaseSeconds: number, renewalSeconds?: number): Promise<void> {
    await this.listen()
    fs.writeFileSync(this.at('leases'), '')
    fs.writeFileSync(
      this.at('udhcpd.conf'),
      `start 10.77.0.20
end 10.77.0.40
interface br0
lease_file ${this.at('leases')}
pidfile ${this.at('udhcpd.pid')}
option subnet 255.255.255.0
option router 10.77.0.1
option dns 10.77.0.53
option domain pods.example
option staticroutes 10.88.0.0/16 10.77.0.2, 0.0.0.0/0 10.77.0.1
option lease ${leaseSeconds}
${renewalSeconds === undefined ? '' : `option 0x3a 000000${hex(renewalSeconds)}`}
`,
    )
    const log = this.start('server', this.far, [
      'busybox',
      'udhcpd',
      '-f',
      '-a',
      '10',
      this.at('udhcpd.conf'),
    ])
    await eventually('the DHCP server', () => log().includes('started') || undefined)
  }

  async startDaemon(...flags: readonly string[]): Promise<void> {
    // Root, and no more than it takes.
    const capabilities = '-all,+sys_admin,+net_admin,+net_raw,+sys_ptrace,+dac_override'
    const few = ['setpriv', `--bounding-set=${capabilities}`, '--no-new-privs']
    const log = this.startPodlace(few, 'dhcp', [
      `--socket=${this.at('run/dhcp.sock')}`,
      `--state-dir=${this.at('dhcp')}`,
      `--pidfile=${this.at('dhcp.pid')}`,
      ...flags,
    ])
    await eventually('the DHCP daemon', () => log().includes('DHCP daemon started') || undefined)
  }

  /** What a daemon says that does not start. */
  refusedDaemon(): string {
    const command = [process.execPath, MAIN, 'dhcp', '--state-dir', this.at('dhcp')]
    return spawnSync('nsenter', [this.enter(this.host), ...command], { encoding: 'utf8', timeout: 30_000 })
      .stderr
  }

  async startAgent(): Promise<void> {
    const log = this.startPodlace([], 'agent', [
      '--node-name=node-1',
      `--state-dir=${this.at('state')}`,
      '--subnet-file=',
      `--socket=${this.at('cni.sock')}`,
      `--admin-socket=${this.at('agent.sock')}`,
    ])
    await eventually('the agent', () => log().includes('agent started') || undefined)
  }

  /** Resolves when it has ended; a name that nothing runs under is no error. */
  async end(name: Program, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const child = this.children.get(name)
    this.children.delete(name)
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    child.kill(signal)
    await once(child, 'exit')
  }

  pod(containerId: string): Netns {
    const known = this.pods.get(containerId)
    if (known !== undefined) return known
    const netns = Netns.create()
    netns.pin(this.at(`pods/${containerId}`))
    this.pods.set(containerId, netns)
    return netns
  }

  /** As a runtime ends a pod whose DEL never came through. */
  loseName(containerId: string): void {
    spawnSync('umount', [this.at(`pods/${containerId}`)])
    fs.rmSync(this.at(`pods/${containerId}`), { force: true })
  }

  /** Runs a plugin, ours by default. Synchronous for this process, which has nothing to do meanwhile. */
  call(command: string, containerId: string, config: object, binDir = this.at('bin')): PluginReply {
    const full = { cniVersion: '1.1.0', name: 'lan', type: 'bridge', ...config }
    this.pod(containerId)
    const { status, stdout } = spawnSync('nsenter', [this.enter(this.host), path.join(binDir, full.type)], {
      input: JSON.stringify(full),
      encoding: 'utf8',
      env: {
        PODLACE_CNI_SOCKET: this.at('cni.sock'),
        PODLACE_DHCP_SOCKET: this.at('run/dhcp.sock'),
        PODLACE_STATE_DIR: this.at('state'),
        CNI_COMMAND: command,
        CNI_CONTAINERID: containerId,
        CNI_IFNAME: 'eth0',
        CNI_NETNS: this.at(`pods/${containerId}`),
        CNI_PATH: `${this.at('bin')}:${binDir}`,
      },
    })
    return {
      exitCode: status,
      output: stdout.trim() === '' ? {} : (JSON.parse(stdout) as PluginReply['output']),
    }
  }

  /** How the server counts: `10.77.0.20 expired`, or with what is left. */
  async serverLeases(): Promise<string> {
    const pid = this.children.get('server')?.pid
    if (pid !== undefined) spawnSync('kill', ['-USR1', String(pid)])
    return spawnSync('busybox', ['dumpleases', '-f', this.at('leases')], { encoding: 'utf8' }).stdout
  }

  leaseFiles(): string[] {
    return fs.readdirSync(this.at('dhcp')).filter(name => name.endsWith('.lease'))
  }

  async close(): Promise<void> {
    for (const name of ['agent', 'dhcp', 'server'] as const) await this.end(name)
    this.ear?.close()
    for (const [containerId, netns] of this.pods) {
      this.loseName(containerId)
      netns.close()
    }
    this.host.close()
    this.far.close()
    fs.rmSync(this.directory, { recursive: true, force: true })
  }

  private enter(netns: Netns): string {
    return `--net=/proc/${process.pid}/fd/${netns.fds.netns}`
  }

  private startPodlace(
    limits: readonly string[],
    command: 'agent' | 'dhcp',
    flags: readonly string[],
  ): () => string {
    return this.start(command, this.host, [...limits, process.execPath, MAIN, command, ...flags])
  }

  private start(name: Program, netns: Netns, command: readonly string[]): () => string {
    // nsenter becomes the program itself.
    const child = spawn('nsenter', [this.enter(netns), ...command], { stdio: ['ignore', 'ignore', 'pipe'] })
    this.children.set(name, child)
    let log = ''
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (log += text))
    return () => {
      if (child.exitCode !== null) throw new Error(`${name} ended: ${log}`)
      return log
    }
  }

  private async listen(): Promise<void> {
    if (this.ear !== undefined) return
    const [reply] = await new NetlinkClient(this.far.route).send([getLink({ name: 'br0' })])
    const link = reply?.ok ? reply.messages.map(decodeLink)[0] : undefined
    this.ear = PacketSocket.open(this.far, link?.index ?? 0, 67)
    this.ear.onPacket((packet, { hasChecksum }) => {
      const datagram = decodeUdpIpv4(packet, hasChecksum)
      const message = typeof datagram === 'string' ? datagram : decodeDhcp(datagram.payload)
      if (typeof message === 'string' || typeof datagram === 'string') this.heard.push(String(message))
      else this.heard.push(`${message.type} from ${datagram.source} to ${datagram.target}`)
    })
  }
}

function hex(byte: number): string {
  return byte.toString(16).padStart(2, '0')
}
