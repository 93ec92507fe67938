import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import http from 'node:http'
import os from 'node:os'
import path from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { entryKey, NetlinkKernel } from '../../src/kernel/index.ts'
import { SERVICE_UID, withoutRoot } from '../../src/lab/index.ts'
import { Netns } from '../../src/sys/index.ts'
import { eventually, ip } from './agent-nodes.ts'

const ROOT = path.resolve(import.meta.dirname, '../..')
const SHIM = path.join(ROOT, 'build/podlace-cni')
/** In the guest a bundle, which starts faster. */
const AGENT = process.env['PODLACE_LONE_AGENT'] ?? path.join(ROOT, 'test/netns/fixtures/lone-agent.ts')

const TYPES = [
  'podlace',
  'bridge',
  'flannel',
  'host-local',
  'loopback',
  'portmap',
  'bandwidth',
  'firewall',
  'sbr',
] as const

export interface ShimReply {
  readonly exitCode: number | null
  readonly output: {
    readonly code?: number
    readonly msg?: string
    readonly ips?: readonly { address: string }[]
  }
}

/**
 * A node with an agent process that has CAP_NET_ADMIN and nothing else, called through the shim: everything real but
 * the store.
 */
export class LoneAgent {
  readonly netns = Netns.create()
  readonly directory = fs.mkdtempSync(path.join(os.tmpdir(), 'podlace-test-'))
  readonly pods = new Map<string, Netns>()
  private process: ChildProcess | undefined

  private readonly backend: 'vxlan' | 'wireguard'

  constructor(backend: 'vxlan' | 'wireguard' = 'vxlan') {
    this.backend = backend
    ip(this.netns, 'link set lo up')
    ip(this.netns, 'link add eth0 type veth peer name far')
    ip(this.netns, 'address add 192.168.77.1/24 dev eth0')
    ip(this.netns, 'link set far up')
    ip(this.netns, 'link set eth0 up')
    fs.chmodSync(this.directory, 0o755)
    fs.mkdirSync(this.stateDir, { mode: 0o700 })
    fs.mkdirSync(this.binDir)
    for (const type of TYPES) fs.copyFileSync(SHIM, path.join(this.binDir, type))
    fs.chownSync(this.stateDir, SERVICE_UID, SERVICE_UID)
  }

  get stateDir(): string {
    return path.join(this.directory, 'state')
  }

  get binDir(): string {
    return path.join(this.directory, 'bin')
  }

  /** Starts the agent; it may be told to die at a step. Resolves when it can attach pods. */
  async start(dieAt = ''): Promise<void> {
    const enter = `--net=/proc/${process.pid}/fd/${this.netns.fds.netns}`
    const child = spawn(
      'nsenter',
      [enter, ...withoutRoot('net_admin'), process.execPath, AGENT, this.stateDir, dieAt, this.backend],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    )
    this.process = child
    let log = ''
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (log += text))
    await eventually('the agent to be ready', async () => {
      if (child.exitCode !== null) throw new Error('the agent ended')
      return (await this.ask('/readyz').catch(() => 0)) === 200 || undefined
    }).catch((cause: unknown) => {
      throw new Error(`the agent is not ready; it said: ${log}`, { cause })
    })
    const device = this.backend === 'vxlan' ? 'link flannel.1' : 'link flannel-wg'
    await eventually('the overlay, whole', async () => {
      const state = await this.hostState()
      await new Promise(resolve => setTimeout(resolve, 50))
      return (state.includes(device) && isDeepStrictEqual(state, await this.hostState())) || undefined
    })
  }

  /** Resolves when it has died. */
  async died(): Promise<void> {
    const child = this.process
    if (child !== undefined && child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    this.process = undefined
  }

  async kill(): Promise<void> {
    this.process?.kill('SIGKILL')
    await this.died()
  }

  pod(containerId: string): Netns {
    const known = this.pods.get(containerId)
    if (known !== undefined) return known
    const netns = Netns.create()
    this.pods.set(containerId, netns)
    return netns
  }

  /** The shim, as a runtime would start it. Synchronous for this process, which has nothing to do meanwhile. */
  call(command: string, containerId: string, config: object = {}, netnsPath?: string): ShimReply {
    const full = { cniVersion: '1.1.0', name: 'pods', type: 'podlace', ...config }
    const { fds } = this.pod(containerId)
    const { status, stdout } = spawnSync(
      'nsenter',
      [`--net=/proc/${process.pid}/fd/${this.netns.fds.netns}`, path.join(this.binDir, full.type)],
      {
        input: JSON.stringify(full),
        encoding: 'utf8',
        env: {
          PODLACE_CNI_SOCKET: path.join(this.stateDir, 'cni.sock'),
          PODLACE_STATE_DIR: this.stateDir,
          CNI_COMMAND: command,
          CNI_CONTAINERID: containerId,
          CNI_IFNAME: 'eth0',
          CNI_NETNS: netnsPath ?? `/proc/${process.pid}/fd/${fds.netns}`,
          CNI_PATH: this.binDir,
        },
      },
    )
    return {
      exitCode: status,
      output: stdout.trim() === '' ? {} : (JSON.parse(stdout) as ShimReply['output']),
    }
  }

  /** Everything of ours in the node's namespace, as keys in order. */
  async hostState(): Promise<string[]> {
    const kernel = new NetlinkKernel({ netns: this.netns })
    try {
      const observed = await kernel.observe()
      return observed
        .filter(({ mark }) => mark === 'ours')
        .map(({ entry }) => entryKey(entry))
        .sort()
    } finally {
      kernel.close()
    }
  }

  /** HTTP status of a page of the admin socket. */
  ask(page: string): Promise<number | undefined> {
    return new Promise((resolve, reject) => {
      http
        .get({ socketPath: path.join(this.stateDir, 'agent.sock'), path: page }, response => {
          response.resume().on('end', () => resolve(response.statusCode))
        })
        .on('error', reject)
    })
  }

  async close(): Promise<void> {
    await this.kill()
    for (const netns of this.pods.values()) netns.close()
    this.netns.close()
    fs.rmSync(this.directory, { recursive: true, force: true })
  }
}
