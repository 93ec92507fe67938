import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock } from '../base/index.ts'
import {
  Attachment,
  type AttachmentOptions,
  deriveConfig,
  type Network,
  type PluginCall,
  type PluginConfig,
} from './attachment.ts'
import { type DhcpServer, type DhcpServerOptions, serveDhcp } from './dhcp-server.ts'
import { execute } from './execute.ts'
import { expectSuccess } from './expect.ts'
import type { FakeHost } from './fake-host.ts'
import type { Namespace } from './namespace.ts'
import { PluginReply } from './plugin-reply.ts'
import { fillIn } from './plugin-set.ts'
import { Pod } from './pod.ts'
import { openSpeaker, type Service, type Speaker, serve, type Transport, visit } from './traffic.ts'

export interface WorldOptions {
  readonly host: FakeHost
  /** Short, and not used by another case on this host: part of names of links and networks. */
  readonly name: string
  /** CNI version that the case speaks unless it says otherwise. */
  readonly version: string
  /** How long a plugin may take for one call, in milliseconds. */
  readonly callTimeoutMs: number
}

export type AttachOptions = Partial<AttachmentOptions>

/** What one case is given: a fake host, and pods, networks and calls that are its own. */
export class World {
  readonly host: FakeHost
  readonly name: string
  readonly version: string
  /** For address files and the like; any user may write. */
  readonly directory: string
  readonly pods: Pod[] = []
  readonly attachments: Attachment[] = []
  /** Types of plugins whose ADD succeeded. */
  readonly worked = new Set<string>()
  private readonly callTimeoutMs: number
  private podCount = 0
  private attachmentCount = 0
  private readonly services: { close(): void }[] = []

  constructor({ host, name, version, callTimeoutMs }: WorldOptions) {
    this.callTimeoutMs = callTimeoutMs
    this.host = host
    this.name = name
    this.version = version
    this.directory = join(host.directory, 'cases', name)
    makeOpenFolder(this.directory)
    makeOpenFolder(this.dataDir)
  }

  get clock(): Clock {
    return this.host.network.clock
  }

  get dataDir(): string {
    return join(this.directory, 'leases')
  }

  /** host-local's folder of {@link network}, as an earlier plugin left it: names of files and what they hold. */
  leaseFolder(files: Readonly<Record<string, string>>): string {
    const folder = join(this.dataDir, `${this.name}net`)
    makeOpenFolder(folder)
    for (const [name, content] of Object.entries(files)) {
      writeFileSync(join(folder, name), content)
      chmodSync(join(folder, name), 0o666)
    }
    return folder
  }

  /** The bridge of {@link bridge}. */
  get bridgeName(): string {
    return `${this.name}br`
  }

  /** A new, empty namespace for a container. */
  async pod(): Promise<Pod> {
    this.podCount += 1
    const pod = await Pod.create(this.host, `${this.name}p${this.podCount}`)
    this.pods.push(pod)
    return pod
  }

  network(...plugins: readonly PluginConfig[]): Network {
    return { name: `${this.name}net`, cniVersion: this.version, plugins }
  }

  /** An attachment that nothing was done for yet; it is taken back at the end of the case. */
  async attachment(network: Network, options: AttachOptions = {}): Promise<Attachment> {
    this.attachmentCount += 1
    const containerId = `${this.name}-${this.attachmentCount}`
    const full = {
      pod: options.pod ?? (await this.pod()),
      containerId,
      ifname: 'eth0',
      ...options,
    }
    const attachment = new Attachment(network, full, call => this.call(call))
    this.attachments.push(attachment)
    return attachment
  }

  /** ADD that must succeed. */
  async attach(network: Network, options: AttachOptions = {}): Promise<Attachment> {
    const attachment = await this.attachment(network, options)
    await attachment.mustAdd()
    return attachment
  }

  /** GC for each plugin of the network; `valid` are those that stay (SPEC 1.1.0 section 2, "GC"). */
  async collectGarbage(network: Network, valid: readonly Attachment[]): Promise<void> {
    const list = valid.map(({ options }) => ({ containerID: options.containerId, ifname: options.ifname }))
    for (const plugin of network.plugins) {
      const config = { ...deriveConfig(network, plugin), 'cni.dev/valid-attachments': list }
      expectSuccess(await this.call({ verb: 'GC', type: plugin.type, config }))
    }
  }

  /** GC that lists nothing, for every network of the case whose plugins know it; whether it helps is seen elsewhere. */
  async giveUpNetworks(versions: ReadonlyMap<string, readonly string[]>): Promise<void> {
    const networks = new Map(this.attachments.map(({ network }) => [network.name, network]))
    for (const network of networks.values()) {
      for (const plugin of network.plugins.filter(({ type }) => versions.get(type)?.includes('1.1.0'))) {
        const config = {
          ...deriveConfig(network, plugin),
          cniVersion: '1.1.0',
          'cni.dev/valid-attachments': [],
        }
        await this.call({ verb: 'GC', type: plugin.type, config })
      }
    }
  }

  /** STATUS of one plugin of the network. */
  status(network: Network, plugin = network.plugins[0]): Promise<PluginReply> {
    if (plugin === undefined) throw new TypeError('a network without plugins')
    return this.call({ verb: 'STATUS', type: plugin.type, config: deriveConfig(network, plugin) })
  }

  /** Executes a plugin as a runtime on the fake host does. */
  async call({ verb, type, config, env = {}, killAfterMs }: PluginCall): Promise<PluginReply> {
    const { host } = this
    const variables: Record<string, string> = { PATH: process.env['PATH'] ?? '' }
    for (const [name, value] of host.plugins.env) variables[name] = fillIn(value, host.privateDirectory)
    const given = { CNI_COMMAND: verb, CNI_PATH: `${this.delegates}:${host.bin}`, ...env }
    for (const [name, value] of Object.entries(given)) if (value !== undefined) variables[name] = value
    const stdin = typeof config === 'string' || config instanceof Uint8Array ? config : JSON.stringify(config)
    const execution = await execute(host.network.entering([join(host.bin, type)]), {
      clock: this.clock,
      stdin,
      env: variables,
      timeoutMs: killAfterMs ?? this.callTimeoutMs,
    })
    const whom = env['CNI_IFNAME'] === undefined ? '' : ` of ${env['CNI_IFNAME']}`
    const reply = new PluginReply(`${given.CNI_COMMAND ?? 'no command'}${whom} by ${type}`, execution)
    if (given.CNI_COMMAND === 'ADD' && reply.succeeded) this.worked.add(type)
    return reply
  }

  /** Folder of plugins that the case itself provides; before the measured ones in CNI_PATH. */
  get delegates(): string {
    return join(this.directory, 'delegates')
  }

  /**
   * A plugin of the case's own, for others to delegate to: a shell script, executable as its name.
   *
   * @param body POSIX sh; `$LOG` is a file that {@link delegateCalls} reads the lines of
   */
  delegate(type: string, body: string): void {
    mkdirSync(this.delegates, { recursive: true })
    const path = join(this.delegates, type)
    writeFileSync(path, `#!/bin/sh\nLOG='${join(this.directory, 'delegate-calls')}'\n${body}\n`, {
      mode: 0o755,
    })
  }

  /** Lines that a delegate has written. */
  delegateCalls(): string[] {
    const path = join(this.directory, 'delegate-calls')
    return existsSync(path) ? readFileSync(path, 'utf8').trimEnd().split('\n') : []
  }

  /** Serves a port until the case ends. */
  async serve(where: Namespace, transport: Transport, port: number, family: 4 | 6 = 4): Promise<Service> {
    const service = await serve(where, transport, port, family)
    this.services.push(service)
    return service
  }

  /** A server of DHCP until the case ends. */
  serveDhcp(options: DhcpServerOptions): DhcpServer {
    const server = serveDhcp(options)
    this.services.push(server)
    return server
  }

  /** A UDP socket that keeps its port until the case ends. */
  speaker(from: Namespace): Speaker {
    const speaker = openSpeaker(from)
    this.services.push(speaker)
    return speaker
  }

  /** The source address that a service saw; undefined if nobody answered. */
  visit(from: Namespace, to: string, port: number, transport: Transport = 'udp', timeoutMs?: number) {
    const patience = timeoutMs === undefined ? {} : { timeoutMs }
    return visit({ from, to, port, transport, clock: this.clock, ...patience })
  }

  /** Ends what the case left running, and takes back what it attached. What went wrong, one line each. */
  async tidy(): Promise<string[]> {
    for (const service of this.services.splice(0)) service.close()
    const faults: string[] = []
    for (const attachment of this.attachments.filter(({ deleted }) => !deleted).toReversed()) {
      const reply = await attachment.del()
      // Without ADD there was no attachment, and the configuration may be one that nobody can read.
      if (!reply.succeeded && attachment.added) faults.push(`${reply.what}: ${reply.outcome}`)
    }
    return faults
  }
}

/** That a daemon of any user may write. */
function makeOpenFolder(path: string): void {
  mkdirSync(path)
  chmodSync(path, 0o777)
}
