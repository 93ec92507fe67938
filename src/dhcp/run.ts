import fs from 'node:fs'
import { jsonLogger, type Logger, PodlaceError, systemClock } from '../base/index.ts'
import { lockStateDirectory, type PodNetns, serveCni, socketError } from '../daemon/index.ts'
import { bootId, Netns } from '../sys/index.ts'
import { DhcpCalls } from './calls.ts'
import type { DhcpConfig } from './config.ts'
import { leaseFiles } from './lease-files.ts'
import { Leases } from './leases.ts'
import { machineSite } from './site.ts'

export interface RunningDhcp {
  /** Gives no lease back: the next daemon goes on with them. */
  stop(): Promise<void>
}

/** Runs the daemon of the plugin `dhcp` on this machine; needs root, to come back to the namespaces of pods. */
export async function runDhcp(config: DhcpConfig): Promise<RunningDhcp> {
  const endings: (() => void | Promise<void>)[] = []
  const stop = async () => {
    for (const end of endings.splice(0).toReversed()) await end()
  }
  try {
    start(config, end => endings.push(end))
    return { stop }
  } catch (error) {
    await stop()
    throw error
  }
}

/** @param onStop takes what has to be undone at the end, the last one first; also if a later step fails */
function start(config: DhcpConfig, onStop: (end: () => void | Promise<void>) => void): void {
  const { stateDir, pidFile, hostPrefix, broadcast, timeoutMs, resendMaxMs } = config
  const log = jsonLogger(config.logLevel)
  makeStateDirectory(stateDir)
  onStop(lockStateDirectory('dhcp', stateDir))
  const leases = new Leases({
    site: machineSite(hostPrefix),
    store: leaseFiles(stateDir, bootId(), log),
    clock: systemClock,
    random: Math.random,
    log,
    broadcast,
    timeoutMs,
    resendMaxMs,
    totalMs: config.resendTimeoutMs,
  })
  onStop(() => leases.stop())
  leases.restore()
  if (pidFile !== undefined) {
    writePidFile(pidFile)
    onStop(() => fs.rmSync(pidFile, { force: true }))
  }
  const calls = new DhcpCalls(leases)
  const socket = hostPrefix + config.socket
  // Last: whoever finds this socket may ask for addresses.
  const cni = listen(socket, calls, log)
  onStop(async () => {
    // Calls that wait for a server are cut short, so that closing need not wait for them.
    await Promise.all([leases.stop(), cni.close()])
  })
  log.info('DHCP daemon started', { socket })
}

function makeStateDirectory(directory: string): void {
  try {
    fs.mkdirSync(directory, { recursive: true, mode: 0o700 })
  } catch {
    // Whoever locks it says what is wrong with it.
  }
}

function writePidFile(file: string): void {
  try {
    fs.writeFileSync(file, String(process.pid), { mode: 0o644 })
  } catch (cause) {
    const message = `cannot write the process id to ${file}: its directory must exist; --pidfile names another`
    throw new PodlaceError('start the DHCP daemon', message, { code: 'dhcp.pid-file' }, { cause })
  }
}

function listen(socket: string, calls: DhcpCalls, log: Logger): { close(): Promise<void> } {
  try {
    return serveCni(socket, (request, pod) => calls.handle(request, wayInto(pod)), log)
  } catch (cause) {
    throw socketError({ room: 'dhcp', what: 'CNI', flag: '--socket' }, socket, cause)
  }
}

/** What is only identified counts as not there: every lease takes a socket in the pod. */
function wayInto(pod: PodNetns | undefined): Netns | undefined {
  return pod instanceof Netns ? pod : undefined
}
