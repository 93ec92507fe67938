import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { type Clock, errorText, jsonLogger, type Logger, PodlaceError, systemClock } from '../base/index.ts'
import { cniError } from '../cni/index.ts'
import { lockStateDirectory, type PodNetns, serveCni, socketError } from '../daemon/index.ts'
import { type DeviceLink, NetlinkKernel } from '../kernel/index.ts'
import { parseNetConf } from '../overlay/index.ts'
import { KubernetesStore, MemoryStore, readKubeconfig, type Store } from '../store/index.ts'
import {
  bootId,
  createFile,
  ErrorQueueSocket,
  flockSync,
  NetlinkEvents,
  Netns,
  openNetlink,
  openTun,
  runProgram,
  trimMemory,
} from '../sys/index.ts'
import { serveAdmin } from './admin.ts'
import { Agent } from './agent.ts'
import type { AgentConfig } from './config.ts'
import type { EtcdMembership } from './etcd/index.ts'
import { serveHealth } from './health.ts'
import { FileJournalDisk } from './journal/index.ts'
import { agentMetrics } from './metrics.ts'
import { tunnelWorld } from './network/tunnel-world.ts'
import { keyFileAt } from './network/wireguard-key-file.ts'
import { WireguardKeys } from './network/wireguard-keys.ts'
import type { Hardware } from './plugins/host-devices.ts'
import type { PodNamespace } from './pod-namespace.ts'
import { giveBackSpareMemory } from './spare-memory.ts'
import { LateDeletes, tombstonesIn } from './tombstones.ts'
import { agentView } from './view.ts'
import type { AgentWorld } from './world.ts'

export interface RunningAgent {
  readonly agent: Agent
  /** Leaves the kernel as it is. */
  stop(): Promise<void>
}

/** Where tests may reach in; a running node has none of it. */
export interface RunOptions {
  readonly checkpoint?: (step: string) => void
  readonly store?: Store
}

/** Runs the agent of this machine: real kernel, real store, real files. */
export async function runAgent(config: AgentConfig, options: RunOptions = {}): Promise<RunningAgent> {
  const endings: (() => void | Promise<void>)[] = []
  const stop = async () => {
    for (const end of endings.splice(0).toReversed()) await end()
  }
  try {
    return { agent: await start(config, options, end => endings.push(end)), stop }
  } catch (error) {
    await stop()
    throw error
  }
}

/** @param onStop takes what has to be undone at the end, the last one first; also if a later step fails */
async function start(
  config: AgentConfig,
  options: RunOptions,
  onStop: (end: () => void | Promise<void>) => void,
): Promise<Agent> {
  const log = jsonLogger(config.logLevel, { node: config.nodeName })
  onStop(lockStateDirectory('agent', config.stateDir))
  const netns = Netns.own()
  onStop(() => netns.close())
  const { wireguardKeyFile = path.join(config.stateDir, 'wireguard.key') } = config
  const wireguardKeys = new WireguardKeys(keyFileAt(wireguardKeyFile), randomBytes)
  const readyKinds = new Set<string>()
  const kernel = new NetlinkKernel({
    netns,
    openEvents: NetlinkEvents.open,
    runProgram,
    openTun,
    readyKinds,
    wireguard: { openGeneric: () => openNetlink('generic'), secrets: wireguardKeys },
  })
  onStop(() => kernel.close())
  // Sockets of its own: what pods need of the host's devices must not mix with what the kernel is asked for.
  const host = Netns.own()
  onStop(() => host.close())
  const tunnelNetns = Netns.own()
  onStop(() => tunnelNetns.close())
  const tunnel = tunnelWorld({
    socketPath: path.join(config.stateDir, 'tunnel.sock'),
    netns: tunnelNetns,
    clock: systemClock,
  })
  const world = await realWorld(config, { netns, host }, kernel, log)
  const membership = await openMembership(config, world, onStop)
  const joined = membership && { store: membership.store, noNode: () => membership.noNode }
  const agent = new Agent(config, { ...world, wireguardKeys, tunnel, ...joined, ...options })
  onStop(() => agent.stop())
  await agent.start()
  if (membership !== undefined) onStop(membership.join(agent))
  const lateDeletes = new LateDeletes({
    agent,
    tombstones: tombstonesIn(config.stateDir, { clock: systemClock, random: Math.random }),
    clock: systemClock,
    log,
  })
  onStop(() => lateDeletes.stop())
  await lateDeletes.start()
  const view = agentView(agent, config.nodeName, agentMetrics(agent))
  const admin = await serveAdmin(config.adminSocket, view)
  onStop(() => admin.close())
  if (config.healthz !== undefined && config.healthz.port !== 0) {
    const health = await serveHealth(config.healthz, view)
    onStop(() => health.close())
  }
  onStop(giveBackSpareMemory(systemClock, trimMemory))
  // Last: whoever finds this socket may attach pods.
  const cni = listenCni(config.socket, lateDeletes, readyKinds, log)
  onStop(() => cni.close())
  log.info('agent started', { socket: config.socket, attachments: agent.attached.size })
  return agent
}

function listenCni(
  socket: string,
  calls: LateDeletes,
  readyKinds: Set<string>,
  log: Logger,
): { close(): Promise<void> } {
  try {
    return serveCni(
      socket,
      (request, pod, execute) => calls.handle(request, pod && podNamespace(pod, readyKinds), execute),
      log,
    )
  } catch (cause) {
    throw socketError({ room: 'agent', what: 'CNI', flag: '--socket' }, socket, cause)
  }
}

async function realWorld(
  config: AgentConfig,
  { netns, host }: { readonly netns: Netns; readonly host: Netns },
  kernel: NetlinkKernel,
  log: Logger,
): Promise<AgentWorld> {
  const clock = systemClock
  return {
    store: await openStore(config, clock),
    ...networkOf(config),
    kernel,
    hostNamespace: host,
    hardware: sysHardware,
    runProgram,
    hasIpv6: netns.fds.ipv6 !== undefined,
    probes: { open: (family, onAnswer) => new ErrorQueueSocket(family, onAnswer) },
    journal: new FileJournalDisk(path.join(config.stateDir, 'attachments')),
    bootId: bootId(),
    flock: flockSync,
    createFile,
    readFile: file => fs.readFileSync(file, 'utf8'),
    writeFile: replaceFile,
    clock,
    random: Math.random,
    log,
  }
}

/** Where nodes meet in etcd: this node's part there. */
async function openMembership(
  config: AgentConfig,
  { kernel, bootId, readFile, clock, random, log }: AgentWorld,
  onStop: (end: () => void) => void,
): Promise<EtcdMembership | undefined> {
  const { etcdEndpoints, uplink, masquerade, masqueradeRandomFully, forwardRules } = config
  if (etcdEndpoints === undefined) return undefined
  // Few use it.
  const { EtcdMembership, openEtcd, uplinkAddressOf } = await import('./etcd/index.ts')
  const etcd = openEtcd({ ...config, etcdEndpoints }, clock)
  onStop(() => etcd.close())
  const uplinkAddress = config.uplinkAddress ?? uplinkAddressOf(await kernel.observe(), uplink)
  return new EtcdMembership({
    etcd,
    prefix: config.etcdPrefix,
    nodeName: config.nodeName,
    configName: config.network,
    masquerading: { masquerade, masqueradeRandomFully, forwardRules },
    uplinkAddress,
    publicAddress: config.publicAddress ?? uplinkAddress,
    bootId,
    readSubnetFile: () => readFile(config.subnetFile),
    clock,
    random,
    log,
  })
}

/** An agent that stands alone has an empty store of its own. */
async function openStore({ api, tokenFile, caFile, kubeconfig }: AgentConfig, clock: Clock): Promise<Store> {
  const random = Math.random
  if (kubeconfig !== undefined) {
    return new KubernetesStore({ ...(await readKubeconfig(kubeconfig)), clock, random })
  }
  if (api === undefined) return new MemoryStore({ clock, random })
  return new KubernetesStore({
    server: api,
    clock,
    random,
    ...(tokenFile === undefined ? {} : { tokenFile }),
    ...(caFile === undefined ? {} : { caFile }),
  })
}

function networkOf({ netConf, network: name, ...config }: AgentConfig): Pick<AgentWorld, 'networkConfig'> {
  if (netConf === undefined) return {}
  return {
    networkConfig: parseNetConf(readText('net-conf.json', netConf), {
      name,
      masquerade: config.masquerade,
      masqueradeRandomFully: config.masqueradeRandomFully,
      forwardRules: config.forwardRules,
    }),
  }
}

function readText(what: string, file: string): string {
  try {
    return fs.readFileSync(file, 'utf8')
  } catch (cause) {
    const message = `cannot read ${what} ${file}: ${errorText(cause)}`
    throw new PodlaceError(`read ${what}`, message, { code: 'agent.config' }, { cause })
  }
}

function podNamespace(netns: PodNetns, readyKinds: Set<string>): PodNamespace {
  const { fds, cookie } = netns
  const newLinks = new Map<DeviceLink, number>()
  return {
    fds,
    cookie,
    onLink: (link, index) => newLinks.set(link, index),
    openKernel: () => {
      if (netns instanceof Netns) return new NetlinkKernel({ netns, newLinks, openTun, readyKinds })
      const advice = 'install shim and agent of one release'
      throw cniError('decode', 'reach into the pod', `the shim gave no way into the pod: ${advice}`)
    },
  }
}

/** What the kernel tells of devices below /sys. */
const sysHardware: Hardware = {
  pathOf: device => realPath(`/sys/class/net/${device}/device`),
  driverOf: busId => {
    const driver = realPath(`/sys/bus/pci/devices/${busId}/driver`)
    return driver === undefined ? undefined : path.basename(driver)
  },
}

function realPath(link: string): string | undefined {
  try {
    return fs.realpathSync(link)
  } catch {
    return undefined
  }
}

function replaceFile(file: string, text: string): void {
  const temporary = `${file}.podlace`
  fs.writeFileSync(temporary, text, { mode: 0o644 })
  fs.renameSync(temporary, file)
}
