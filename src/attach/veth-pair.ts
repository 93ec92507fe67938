import type { VethLink } from '../kernel/index.ts'
import { mtuField } from './mtu.ts'
import { attachmentOwner, hostInterfaceName, hostMac, podMac } from './names.ts'
import type { AttachmentSpec } from './plan.ts'
import type { CniInterface } from './result.ts'

/** A veth pair between pod and host. All of it follows from the attachment, so that results need no reading back. */
export interface VethPair {
  /** The host's end. */
  readonly link: VethLink
  /** The pod's MAC. */
  readonly mac: string
  /** As the result lists them. */
  readonly host: CniInterface
  readonly pod: CniInterface
}

/** What a plugin makes of the host's end. */
export type HostPort = Pick<VethLink, 'master' | 'bridgePort' | 'addrGenMode'>

/**
 * @param netns the name of the pod's namespace in the apply context
 * @param mtu of both ends, bytes; 0 leaves it to the kernel
 */
export function vethPair(spec: AttachmentSpec, netns: string, mtu: number, port: HostPort = {}): VethPair {
  const mac = podMac(spec)
  const ends = { mac, ...mtuField(mtu) }
  const host = {
    name: hostInterfaceName(spec.containerId, spec.ifName),
    mac: hostMac(spec.containerId, spec.ifName),
    ...mtuField(mtu),
  }
  return {
    link: {
      kind: 'link',
      type: 'veth',
      claim: 'own',
      owner: attachmentOwner(spec),
      ...host,
      ...port,
      up: true,
      peer: { name: spec.ifName, netns, ...ends },
    },
    mac,
    host,
    pod: { name: spec.ifName, ...ends, sandbox: spec.sandbox },
  }
}
