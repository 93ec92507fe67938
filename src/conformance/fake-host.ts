import { chmodSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock } from '../base/index.ts'
import { type ProcessIdentity, signalProcess, startHolder } from '../lab/index.ts'
import { type Daemon, startDaemonOf } from './daemon.ts'
import { Namespace } from './namespace.ts'
import type { PluginSet } from './plugin-set.ts'

/** The fake host's way to the world, as a machine has one (RFC 5737 and RFC 3849 addresses). */
export const UPLINK = { name: 'up0', ipv4: '192.0.2.1', ipv6: '2001:db8:2::1', mtu: 1500 } as const
/** A machine beyond the uplink, without a route to pods. */
export const OUTSIDE = { ipv4: '192.0.2.2', ipv6: '2001:db8:2::2' } as const

/**
 * Private folders over all places where plugins keep state by default, and an uplink to a namespace `outside`.
 * Lower layers stay readable: programs need /etc. The TUN device is for everybody, as udev has it: what one may do with
 * it hangs on CAP_NET_ADMIN.
 */
const HOST_SCRIPT = `
mount --bind "$BIN" "$DIRECTORY/bin"
mount -t tmpfs tmpfs "$DIRECTORY/layers"
for folder in etc var/lib; do
  layer="$DIRECTORY/layers/$folder"
  mkdir -p "$layer/upper" "$layer/work"
  mount -t overlay overlay -o "lowerdir=/$folder,upperdir=$layer/upper,workdir=$layer/work" "/$folder"
done
mount -t tmpfs tmpfs /run
if [ -e /dev/net/tun ]; then
  mount -t tmpfs tmpfs /dev/net
  mknod -m 666 /dev/net/tun c 10 200
fi
mount -t sysfs sysfs /sys
rm -rf /etc/cni /var/lib/cni
mkdir -p /etc/cni /var/lib/cni
ip netns add outside
ip link add ${UPLINK.name} type veth peer name out0 netns outside
ip address add ${UPLINK.ipv4}/24 dev ${UPLINK.name}
ip address add ${UPLINK.ipv6}/64 dev ${UPLINK.name} nodad
ip link set ${UPLINK.name} up
ip -n outside address add ${OUTSIDE.ipv4}/24 dev out0
ip -n outside address add ${OUTSIDE.ipv6}/64 dev out0 nodad
ip -n outside link set out0 up
ip -n outside link set lo up
ip route add default via ${OUTSIDE.ipv4}
ip -6 route add default via ${OUTSIDE.ipv6}
`

export interface FakeHostOptions {
  readonly plugins: PluginSet
  /** Made for this host alone, and removed with it. */
  readonly directory: string
  readonly clock: Clock
  readonly signal: AbortSignal
}

/** A machine that plugins run on: network and mount namespaces, private state, and the plugins' daemon if they have one. */
export class FakeHost {
  readonly directory: string
  readonly plugins: PluginSet
  /** Its own network namespace. */
  readonly network: Namespace
  readonly outside: Namespace
  readonly holderPid: number
  private readonly holder: ProcessIdentity
  private readonly clock: Clock
  private daemon: Daemon | undefined

  private constructor(options: FakeHostOptions, holder: ProcessIdentity) {
    this.plugins = options.plugins
    this.directory = options.directory
    this.clock = options.clock
    this.holder = holder
    this.holderPid = holder.pid
    this.network = new Namespace({ holderPid: holder.pid, clock: options.clock })
    this.outside = this.namespace('outside')
  }

  /** Resolves when the plugins can be called. @throws `conformance.setup`, `lab.command` */
  static async create(options: FakeHostOptions): Promise<FakeHost> {
    const { directory, plugins } = options
    for (const folder of ['.', 'bin', 'layers', 'cases', 'private']) mkdirSync(join(directory, folder))
    chmodSync(join(directory, 'private'), 0o777)
    const env = { PATH: process.env['PATH'] ?? '', BIN: plugins.directory, DIRECTORY: directory }
    const holder = await startHolder('a fake host', { mounts: true, script: HOST_SCRIPT, env })
    const host = new FakeHost(options, holder)
    try {
      if (plugins.daemon !== undefined)
        host.daemon = await startDaemonOf(plugins.daemon, host.network, host.privateDirectory, options.signal)
      return host
    } catch (error) {
      host.destroy()
      throw error
    }
  }

  /** Where its plugins lie, for programs inside and for CNI_PATH. */
  get bin(): string {
    return join(this.directory, 'bin')
  }

  /** What `{dir}` stands for; a daemon may run as any user. */
  get privateDirectory(): string {
    return join(this.directory, 'private')
  }

  namespace(name: string): Namespace {
    return new Namespace({ holderPid: this.holderPid, name, clock: this.clock })
  }

  /** A file of the host as the suite finds it. */
  file(path: string): string {
    return `/proc/${this.holderPid}/root${path}`
  }

  /** Ends its processes; the kernel then takes its namespaces apart. */
  destroy(): void {
    this.daemon?.stop()
    signalProcess(this.holder, 'SIGKILL')
    rmSync(this.directory, { recursive: true, force: true })
  }
}
