import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process'
import fs from 'node:fs'
import http from 'node:http'
import os from 'node:os'
import path from 'node:path'
import { Netns } from '../../src/sys/index.ts'
import { eventually, ip } from '../netns/agent-nodes.ts'
import { PREFIX, SUBNETS } from './etcd-agent-bench.ts'

const ROOT = path.resolve(import.meta.dirname, '../..')
const ETCD_ADDRESS = '192.168.77.100'
const ETCD_URL = `http://${ETCD_ADDRESS}:2379`

/** An underlay of its own, 192.168.77.0/24, with an etcd at .100 and nodes behind a bridge. */
export class Underlay {
  readonly netns = Netns.create()
  readonly directory = fs.mkdtempSync(path.join(os.tmpdir(), 'podlace-test-'))
  private readonly nodes: { close(): void | Promise<void> }[] = []
  private readonly processes: ChildProcess[] = []

  constructor() {
    for (const command of [
      'link set lo up',
      'link add br0 type bridge',
      `address add ${ETCD_ADDRESS}/24 dev br0`,
      'link set br0 up',
    ]) {
      ip(this.netns, command)
    }
  }

  async startEtcd(): Promise<void> {
    const peers = ['--listen-peer-urls', 'http://127.0.0.1:2380']
    const clients = ['--listen-client-urls', ETCD_URL, '--advertise-client-urls', ETCD_URL]
    const rest = ['--data-dir', path.join(this.directory, 'data'), '--log-level', 'error']
    this.start(this.netns, ['etcd', ...peers, ...clients, ...rest], 'ignore')
    await eventually('etcd', () => attempt(() => this.ctl('endpoint', 'health')))
  }

  ctl(...words: string[]): string {
    return run(this.netns, ['etcdctl', '--endpoints', ETCD_URL, ...words], { ETCDCTL_API: '3' })
  }

  /** A namespace with eth0 at 192.168.77.<n>. */
  plug(n: number): Netns {
    const netns = Netns.create()
    this.nodes.push(netns)
    ip(
      this.netns,
      `link add port${n} type veth peer name eth0 netns /proc/${process.pid}/fd/${netns.fds.netns}`,
    )
    for (const command of [`link set port${n} master br0`, `link set port${n} up`]) ip(this.netns, command)
    for (const command of ['link set lo up', 'link set eth0 up', `address add 192.168.77.${n}/24 dev eth0`]) {
      ip(netns, command)
    }
    return netns
  }

  async agent(n: number, ...flags: string[]): Promise<AgentNode> {
    const netns = this.plug(n)
    const directory = path.join(this.directory, `node-${n}`)
    fs.mkdirSync(path.join(directory, 'state'), { recursive: true })
    const node = new AgentNode(netns, directory, `node-${n}`)
    this.nodes.push(node)
    const endpoints = `http://${ETCD_ADDRESS}:1,${ETCD_URL}`
    const paths = Object.entries({
      '--socket': 'cni.sock',
      '--admin-socket': 'agent.sock',
      '--state-dir': 'state',
      '--subnet-file': 'subnet.env',
    }).flatMap(([flag, name]) => [flag, path.join(directory, name)])
    const agent = [process.execPath, path.join(ROOT, 'bin/podlace'), 'agent', '--node-name', `node-${n}`]
    const rest = ['--etcd-endpoints', endpoints, '--log-level', 'warn', ...paths, ...flags]
    const child = this.start(netns, [...agent, ...rest], 'inherit')
    await eventually(`node-${n} to be ready`, async () => {
      if (child.exitCode !== null) throw new Error(`the agent of node-${n} ended`)
      return (await node.ask('/readyz')) === 'ok\n' || undefined
    })
    return node
  }

  async close(): Promise<void> {
    for (const child of this.processes.toReversed()) {
      if (child.exitCode !== null || child.signalCode !== null) continue
      const ended = new Promise(resolve => child.once('exit', resolve))
      child.kill('SIGKILL')
      await ended
    }
    for (const node of this.nodes.toReversed()) await node.close()
    this.netns.close()
    fs.rmSync(this.directory, { recursive: true, force: true })
  }

  private start(netns: Netns, words: readonly string[], errors: 'inherit' | 'ignore'): ChildProcess {
    const child = spawn('nsenter', [enter(netns), ...words], { stdio: ['ignore', 'ignore', errors] })
    this.processes.push(child)
    return child
  }
}

/** A node with an agent of ours, a process as people start it. */
export class AgentNode {
  readonly netns: Netns
  private readonly directory: string
  private readonly name: string
  private readonly pods: Netns[] = []

  constructor(netns: Netns, directory: string, name: string) {
    this.netns = netns
    this.directory = directory
    this.name = name
    fs.copyFileSync(path.join(ROOT, 'build/podlace-cni'), path.join(directory, 'podlace'))
  }

  /** A page of the admin socket; empty while there is none. */
  ask(page: string): Promise<string> {
    return new Promise(resolve => {
      http
        .get({ socketPath: path.join(this.directory, 'agent.sock'), path: page }, response => {
          let text = ''
          response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
          response.on('end', () => resolve(text))
        })
        .on('error', () => resolve(''))
    })
  }

  /** A pod with an address of this node's block, or the error of the shim. */
  addPod(id: string): { readonly netns: Netns; readonly address: string; readonly error: string } {
    const netns = Netns.create()
    this.pods.push(netns)
    const { stdout } = spawnSync('nsenter', [enter(this.netns), path.join(this.directory, 'podlace')], {
      input: JSON.stringify({ cniVersion: '1.1.0', name: 'pods', type: 'podlace' }),
      encoding: 'utf8',
      env: {
        PODLACE_CNI_SOCKET: path.join(this.directory, 'cni.sock'),
        PODLACE_STATE_DIR: path.join(this.directory, 'state'),
        CNI_COMMAND: 'ADD',
        CNI_CONTAINERID: `${this.name}-${id}`,
        CNI_IFNAME: 'eth0',
        CNI_NETNS: `/proc/${process.pid}/fd/${netns.fds.netns}`,
        CNI_PATH: this.directory,
      },
    })
    const { ips = [], msg = '' }: { ips?: { address: string }[]; msg?: string } = JSON.parse(stdout)
    return { netns, address: ips[0]?.address.split('/')[0] ?? '', error: msg }
  }

  close(): void {
    for (const pod of this.pods) pod.close()
  }
}

/** A node of flannel's, made by hand with the commands and the bytes that are in flannel's code. */
export class FlannelByHand {
  readonly netns: Netns
  readonly pod = '10.5.250.0'
  private readonly underlay: Underlay
  private readonly mac = '02:f1:00:00:00:03'
  private readonly address: string

  constructor(underlay: Underlay, n: number) {
    this.underlay = underlay
    this.netns = underlay.plug(n)
    this.address = `192.168.77.${n}`
    const device = `type vxlan id 1 dev eth0 local ${this.address} dstport 8472 nolearning`
    ip(this.netns, `link add flannel.1 address ${this.mac} ${device}`)
    ip(this.netns, `address add ${this.pod}/32 dev flannel.1`)
    ip(this.netns, 'link set flannel.1 up')
  }

  /** Its lease: a grant, and a put that is bound to it. */
  announce(): void {
    const [, id = ''] = /lease (\S+) granted/.exec(this.underlay.ctl('lease', 'grant', '86400')) ?? []
    const value = `{"PublicIP":"${this.address}","PublicIPv6":null,"BackendType":"vxlan","BackendData":{"VNI":1,"VtepMAC":"${this.mac}"}}`
    this.underlay.ctl('put', `${SUBNETS}/10.5.250.0-24`, value, `--lease=${id}`)
  }

  leave(): void {
    this.underlay.ctl('del', `${SUBNETS}/10.5.250.0-24`)
  }

  /** What flannel does for each lease of another node: a neighbour, an FDB entry, a route. */
  learn(): void {
    const lines = this.underlay.ctl('get', `${SUBNETS}/`, '--prefix').trim().split('\n')
    for (let index = 0; index < lines.length; index += 2) {
      const [subnet = '', length = ''] = lines[index]?.slice(SUBNETS.length + 1).split('-') ?? []
      const { PublicIP, BackendData } = JSON.parse(lines[index + 1] ?? '')
      if (PublicIP === this.address) continue
      ip(this.netns, `neighbour replace ${subnet} lladdr ${BackendData.VtepMAC} dev flannel.1 nud permanent`)
      run(this.netns, ['bridge', 'fdb', 'replace', BackendData.VtepMAC, 'dev', 'flannel.1', 'dst', PublicIP])
      ip(this.netns, `route replace ${subnet}/${length} via ${subnet} dev flannel.1 onlink`)
    }
  }
}

export function writeConfig(underlay: Underlay): void {
  const config = { Network: '10.5.0.0/16', Backend: { Type: 'vxlan' }, SubnetMax: '10.5.200.0' }
  underlay.ctl('put', `${PREFIX}/config`, JSON.stringify(config))
}

function enter({ fds }: Netns): string {
  return `--net=/proc/${process.pid}/fd/${fds.netns}`
}

function run(netns: Netns, words: readonly string[], env: NodeJS.ProcessEnv = {}): string {
  const options = { encoding: 'utf8', stdio: 'pipe', env: { ...process.env, ...env } } as const
  return execFileSync('nsenter', [enter(netns), ...words], options)
}

function attempt(act: () => unknown): true | undefined {
  try {
    act()
    return true
  } catch {
    return undefined
  }
}
