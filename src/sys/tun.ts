import { OwnedFd } from './descriptor.ts'
import { attempt } from './errors.ts'
import { native } from './native.ts'
import type { Netns } from './netns.ts'

export interface TunOptions {
  /** Layer 3 (the default) or layer 2. */
  readonly mode?: 'tun' | 'tap'
  /** Several processes or calls may open the same device, a queue each (IFF_MULTI_QUEUE). */
  readonly multiQueue?: boolean
  /** Each packet has a `struct virtio_net_hdr` before it: checksums to complete, segments to cut (IFF_VNET_HDR). */
  readonly offloadHeader?: boolean
  /** `sys.ebusy` if there is a link of this name, where it would be attached to otherwise (IFF_TUN_EXCL). */
  readonly exclusive?: boolean
  /** Who may open it without CAP_NET_ADMIN. */
  readonly ownerUid?: number
  readonly groupGid?: number
  /** The device stays when the last descriptor is closed (TUNSETPERSIST). */
  readonly persistent?: boolean
  /** Where to make it, entering for a moment (root); else in the process's own namespace. */
  readonly netns?: Netns
}

/**
 * One queue of a TUN or TAP device: each read and write is one IP packet or Ethernet frame, without a header before it
 * (IFF_NO_PI), unless `offloadHeader` asks for one.
 */
export interface Tun {
  /** Non-blocking. */
  readonly fd: number
  readonly name: string
  /** From now on the device stays when the last descriptor is closed. */
  persist(): void
  close(): void
}

/** linux/if_tun.h */
const IFF = {
  tun: 0x1,
  tap: 0x2,
  multiQueue: 0x100,
  noPacketInformation: 0x1000,
  offloadHeader: 0x4000,
  exclusive: 0x8000,
} as const
/** (uid_t)-1 */
const NOBODY = -1

/**
 * Makes or attaches to a TUN device, as `ip tuntap add dev <name> mode tun`; an empty name lets the kernel
 * choose. Needs CAP_NET_ADMIN and /dev/net/tun. `sys.ebusy` if somebody has it, `sys.einval` if a link of
 * another kind does.
 */
export function openTun(name: string, options: TunOptions = {}): Tun {
  const { mode = 'tun', ownerUid = NOBODY, groupGid = NOBODY, netns } = options
  const what = `${mode.toUpperCase()} device ${name}`
  const flags =
    IFF[mode] |
    IFF.noPacketInformation |
    (options.multiQueue === true ? IFF.multiQueue : 0) |
    (options.offloadHeader === true ? IFF.offloadHeader : 0) |
    (options.exclusive === true ? IFF.exclusive : 0)
  const [fd, given] = attempt(`open ${what}`, () =>
    native.tunOpen(netns?.fds.netns ?? -1, name, flags, ownerUid, groupGid),
  )
  const owned = new OwnedFd(fd, what)
  const tun: Tun = {
    get fd() {
      return owned.fd
    },
    name: given,
    persist: () => attempt(`make ${what} persistent`, () => native.tunPersist(owned.fd)),
    close: () => owned.close(),
  }
  if (options.persistent === true) persistOrClose(tun)
  return tun
}

function persistOrClose(tun: Tun): void {
  try {
    tun.persist()
  } catch (error) {
    tun.close()
    throw error
  }
}
