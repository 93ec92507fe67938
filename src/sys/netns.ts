import { rmSync, writeFileSync } from 'node:fs'
import { closeFds } from './descriptor.ts'
import { attempt, fromNative, sysError } from './errors.ts'
import { bindMount, unmount } from './mount.ts'
import { native } from './native.ts'
import { type NetlinkProtocol, NetlinkSocket, openNetlinkFd } from './netlink-socket.ts'

/**
 * Directories below /proc/sys/net, which a namespace has for itself: the first always, others where the kernel has
 * them. A slash tells the one from the socket. In the order of the C side (native/common/bundle.h).
 */
export const SYSCTL_DIRECTORIES = [
  'ipv4',
  'ipv6',
  'core',
  'unix',
  'mptcp',
  'bridge',
  'netfilter/',
  'sctp',
  'mpls',
  'smc',
  'vsock',
] as const

type SysctlDirectory = (typeof SYSCTL_DIRECTORIES)[number]

/** By what a path begins with: `ipv4/`. */
const directoriesByStart: ReadonlyMap<string, SysctlDirectory> = new Map(
  SYSCTL_DIRECTORIES.map(directory => [`${directory.replace('/', '')}/`, directory]),
)

/** An empty part of a path, `.` or `..`. */
const NAMELESS_PART = /(?:^|\/)\.{0,2}(?:\/|$)/

/** The descriptors of a namespace. Who has them may configure it without entering it. */
export interface NetnsFds extends Partial<Record<SysctlDirectory, number>> {
  /** The namespace itself (nsfs): to place a link in it, and for root to enter it. */
  readonly netns: number
  /** NETLINK_ROUTE and NETLINK_NETFILTER request sockets. */
  readonly route: number
  readonly netfilter: number
  readonly ipv4: number
}

/**
 * A network namespace as a bundle of descriptors, never a path to enter. It is held (and a dead pod's
 * namespace kept alive) until `close`.
 */
export class Netns implements Disposable {
  readonly fds: NetnsFds
  /** SO_NETNS_COOKIE: unlike the inode never used again while the machine runs. */
  readonly cookie: bigint
  readonly route: NetlinkSocket
  readonly netfilter: NetlinkSocket
  /** Descriptors that no socket above owns. */
  private readonly rest: Set<number>
  private closed = false

  private constructor(fds: NetnsFds, lanes: Lanes) {
    this.fds = fds
    this.rest = new Set(Object.values(fds))
    const sockets: NetlinkSocket[] = []
    const adopt = (protocol: 'route' | 'netfilter') => {
      this.rest.delete(fds[protocol])
      const socket = new NetlinkSocket(fds[protocol], { protocol, ...lanes(protocol) })
      sockets.push(socket)
      return socket
    }
    try {
      this.cookie = attempt('read the namespace cookie', () => native.netnsCookie(fds.route))
      this.route = adopt('route')
      this.netfilter = adopt('netfilter')
    } catch (error) {
      for (const socket of sockets) socket.close()
      closeFds(this.rest)
      throw error
    }
  }

  /** The process's own namespace. Needs no privilege. */
  static own(): Netns {
    const fds = attempt('open the own network namespace', () => native.netnsOwn())
    return new Netns(named(fds), protocol => ({ openLane: () => openNetlinkFd(-1, protocol) }))
  }

  /**
   * The namespace of a file such as /run/netns/x or /proc/1/ns/net. Enters, opens all and leaves within one
   * native call; needs root. `sys.enoent`; `sys.einval` if the file is no network namespace.
   */
  static open(path: string): Netns {
    const fds = named(attempt(`open network namespace ${path}`, () => native.netnsOpen(path)))
    return new Netns(fds, protocol => ({ openLane: () => openNetlinkFd(fds.netns, protocol) }))
  }

  /**
   * A new, empty namespace without a name, which lives as long as a descriptor or process holds it; needs
   * root.
   */
  static create(): Netns {
    const fds = named(attempt('create a network namespace', () => native.netnsCreate()))
    return new Netns(fds, protocol => ({ openLane: () => openNetlinkFd(fds.netns, protocol) }))
  }

  /**
   * From descriptors that another process passed (SCM_RIGHTS). Owns them from the call on: if one of the
   * sockets is no netlink socket, all are closed. `exchange` and `exchangeInThread` share a socket here, see
   * NetlinkSocket.
   */
  static fromFds(fds: NetnsFds): Netns {
    return new Netns(fds, () => ({}))
  }

  /**
   * Sets a sysctl of the namespace, such as `ipv4/conf/<link>/<name>`, `core/<name>` or `netfilter/<name>` (below
   * /proc/sys/net), as `sysctl -w` does. A missing link or name is `sys.enoent`, a refused value `sys.einval`.
   */
  writeSysctl(path: string, value: string): void {
    const directory = this.sysctlDirectory(path)
    try {
      native.sysctlWrite(directory, nameInDirectory(path), value)
    } catch (thrown) {
      throw fromNative(`set sysctl net/${path} to ${JSON.stringify(value)}`, thrown)
    }
  }

  /** The value without the trailing newline; several fields are separated by tabs, as the kernel has them. */
  readSysctl(path: string): string {
    const directory = this.sysctlDirectory(path)
    try {
      return native.sysctlRead(directory, nameInDirectory(path))
    } catch (thrown) {
      throw fromNative(`read sysctl net/${path}`, thrown)
    }
  }

  /**
   * Whether a link leaves the checksums of what it sends to the device behind it; `ethtool -k`, tx-checksumming.
   * `sys.enodev` without the link.
   */
  readTxChecksum(link: string): boolean {
    this.checkOpen()
    return attempt(`read tx-checksumming of ${link}`, () => native.txChecksumRead(this.fds.route, link))
  }

  /** `ethtool -K <link> tx on|off`; `sys.enodev`, and `sys.eopnotsupp` where it cannot be changed. */
  writeTxChecksum(link: string, on: boolean): void {
    this.checkOpen()
    attempt(`set tx-checksumming of ${link} ${on ? 'on' : 'off'}`, () =>
      native.txChecksumWrite(this.fds.route, link, on ? 1 : 0),
    )
  }

  /**
   * Gives the namespace a name: a file that it is bind-mounted on, as `ip netns add` does. Needs root; the
   * file must not exist (`sys.eexist`). `unpin` takes it away.
   */
  pin(path: string): void {
    this.checkOpen()
    const op = `pin a network namespace on ${path}`
    attempt(op, () => writeFileSync(path, '', { flag: 'wx', mode: 0o444 }))
    try {
      bindMount(`/proc/self/fd/${this.fds.netns}`, path)
    } catch (error) {
      rmSync(path, { force: true })
      throw error
    }
  }

  close(): void {
    if (this.closed) return
    this.closed = true
    this.route.close()
    this.netfilter.close()
    closeFds(this.rest)
  }

  [Symbol.dispose](): void {
    this.close()
  }

  /** The descriptor of the directory that a sysctl is below. */
  private sysctlDirectory(path: string): number {
    this.checkOpen()
    const isOfNames = !NAMELESS_PART.test(path)
    const directory = directoriesByStart.get(path.slice(0, path.indexOf('/') + 1))
    const fd = directory && this.fds[directory]
    if (isOfNames && fd !== undefined) return fd
    const op = `sysctl net/${path}`
    if (!isOfNames) throw sysError('sys.bad-path', op, `${op}: every part of the path must be a name`)
    const reachable = SYSCTL_DIRECTORIES.filter(name => this.fds[name] !== undefined)
    throw sysError('sys.bad-path', op, `${op}: of this namespace only ${reachable.join(', ')} are reachable`)
  }

  private checkOpen(): void {
    if (this.closed)
      throw sysError('sys.closed', 'use a network namespace', 'the namespace is closed already')
  }
}

function nameInDirectory(path: string): string {
  return path.slice(path.indexOf('/') + 1)
}

type Lanes = (protocol: 'route' | 'netfilter') => { openLane?: () => number }

/** In the order of the C side (native/common/bundle.h). */
function named([netns, route, netfilter, ipv4, ...others]: readonly number[]): NetnsFds {
  if (netns === undefined || route === undefined || netfilter === undefined || ipv4 === undefined)
    throw sysError(
      'sys.addon-missing',
      'open a network namespace',
      'the addon is of another version: rebuild it',
    )
  const optional = SYSCTL_DIRECTORIES.slice(1).map((name, index) => [name, others[index] ?? -1] as const)
  const present = optional.filter(([, fd]) => fd >= 0)
  return { netns, route, netfilter, ipv4, ...Object.fromEntries(present) }
}

/**
 * Undoes `Netns.pin`: unmounts and removes the file. Processes and descriptors in the namespace keep it
 * alive.
 */
export function unpin(path: string): void {
  unmount(path)
  rmSync(path, { force: true })
}

/** A further request socket inside `netns`; needs root. */
export function netlinkIn(netns: Netns, protocol: NetlinkProtocol): NetlinkSocket {
  const openLane = () => openNetlinkFd(netns.fds.netns, protocol)
  return new NetlinkSocket(openLane(), { protocol, openLane })
}

/** Which socket to make inside a namespace. */
export type SocketDomain = 'inet' | 'inet6' | 'packet'
export type SocketType = 'stream' | 'datagram' | 'raw'

const DOMAINS = { inet: 2, inet6: 10, packet: 17 } as const
const TYPES = { stream: 1, datagram: 2, raw: 3 } as const

/**
 * A non-blocking socket made inside `netns`; the descriptor is the caller's (`closeFd`). Needs root.
 * `protocol` is the number socket(2) takes: IPPROTO_ICMP is 1, IPPROTO_ICMPV6 58.
 */
export function socketIn(netns: Netns, domain: SocketDomain, type: SocketType, protocol = 0): number {
  return attempt(`open a ${domain} ${type} socket in a namespace`, () =>
    socketFor(netns, domain, type, protocol),
  )
}

/** The same, or without `netns` in the process's own namespace, which needs no root. Throws what the addon throws. */
export function socketFor(
  netns: Netns | undefined,
  domain: SocketDomain,
  type: SocketType,
  protocol = 0,
): number {
  return native.netnsSocket(netns?.fds.netns ?? -1, DOMAINS[domain], TYPES[type], protocol)
}
