import { hasCode, PodlaceError } from '../base/index.ts'
import { cniError } from '../cni/index.ts'
import { decodeLink, getLink, type Link, NetlinkClient, setLink } from '../netlink/index.ts'
import { Netns, PacketSocket } from '../sys/index.ts'
import { CLIENT_PORT, type Wire } from './conversation.ts'
import type { Place } from './record.ts'

/** A pod's namespace, as the shim lends it for a call. */
export type PodNamespace = Pick<Netns, 'cookie' | 'fds' | 'route'>

/** An interface that can be talked over, until the wire is closed. */
export interface Found {
  readonly linkIndex: number
  readonly mac: string
  /** What is sent to an address that it does not bear yet cannot reach it. */
  readonly needsBroadcast: boolean
  readonly wire: Wire
}

/** The interfaces of pods. Nothing of a pod is held but wires: more would keep a dead pod's namespace alive. */
export interface Site {
  /** Brings the interface up if it is down. Throws `cni.invalid-environment` (4) if there is none of this name. */
  enter(pod: PodNamespace, ifName: string): Promise<Found>
  /** Throws `dhcp.gone` if the namespace or the interface is not there any more. */
  comeBack(place: Place): Promise<Found>
}

/** Pods of this machine; needs root. @param hostPrefix goes before the paths of namespaces */
export function machineSite(hostPrefix: string): Site {
  return {
    async enter(pod, ifName) {
      const link = await findLink(pod, { name: ifName })
      if (link === undefined) {
        const message = `there is no interface ${ifName} in the pod's namespace: dhcp asks through it`
        throw cniError('invalid-environment', 'look for the interface', message)
      }
      if (!link.up) await raise(pod, link)
      return found(pod, link)
    },
    async comeBack(place) {
      const netns = openAgain(hostPrefix + place.netns)
      try {
        if (String(netns.cookie) !== place.cookie)
          throw gone(`${place.netns} is another network namespace now`)
        const link = await findLink(netns, { index: place.linkIndex })
        if (link === undefined) throw gone(`its interface is not in ${place.netns} any more`)
        return found(netns, link)
      } finally {
        netns.close()
      }
    },
  }
}

/** What is at the path of a namespace that is gone: nothing, a file it was mounted on, or no process. */
const GONE_CODES = ['sys.enoent', 'sys.einval', 'sys.esrch', 'sys.enotdir']

function openAgain(path: string): Netns {
  try {
    return Netns.open(path)
  } catch (error) {
    if (GONE_CODES.some(code => hasCode(error, code)))
      throw gone(`there is no network namespace ${path} any more`)
    throw error
  }
}

async function raise(pod: PodNamespace, { index }: Link): Promise<void> {
  const [reply] = await new NetlinkClient(pod.route).send([setLink({ index }, { up: true })])
  if (reply?.ok === false) throw reply.error
}

async function findLink(
  pod: PodNamespace,
  target: { readonly name: string } | { readonly index: number },
): Promise<Link | undefined> {
  const [reply] = await new NetlinkClient(pod.route).send([getLink(target)])
  if (reply?.ok) return reply.messages.map(decodeLink)[0]
  if (reply === undefined || hasCode(reply.error, 'netlink.enodev')) return undefined
  throw reply.error
}

/** Ipvlan links share the MAC of their device, which knows them by their addresses. */
function found(pod: PodNamespace, { index, mac, kind, name }: Link): Found {
  if (mac === undefined) {
    const message = `interface ${name} has no MAC address: DHCP is for Ethernet`
    throw cniError('invalid-configuration', 'look for the interface', message)
  }
  const wire = PacketSocket.open(pod, index, CLIENT_PORT)
  return { linkIndex: index, mac, needsBroadcast: kind === 'ipvlan', wire }
}

function gone(what: string): PodlaceError {
  return new PodlaceError('look for a lease', what, { code: 'dhcp.gone' })
}
