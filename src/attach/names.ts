import { hash } from 'node:crypto'
import { localMac, tryParseMac } from '../ip/index.ts'
import { IPTABLES_PREFIX } from '../kernel/index.ts'
import { invalidConfiguration } from './errors.ts'
import type { AttachmentSpec, RequestedMac } from './plan.ts'

/** Longest owner text that fits a link's alias. */
const MAX_OWNER_BYTES = 200

const HOST_PREFIX = 'veth'
/** What the names of all hosts' ends match. */
export const HOST_INTERFACES = `${HOST_PREFIX}*`

/**
 * Name of the host's end: `veth` and 8 hex digits of SHA-256. It follows from the attachment, so that DEL and a
 * restarted agent find it without a record.
 */
export function hostInterfaceName(containerId: string, ifName: string): string {
  return `${HOST_PREFIX}${digest(`${containerId}/${ifName}`).slice(0, 8)}`
}

/** For the alias of the host's end and for messages: `pod default/web-1 eth0`. */
export function attachmentOwner(spec: Pick<AttachmentSpec, 'containerId' | 'ifName' | 'pod'>): string {
  const { containerId, ifName, pod } = spec
  const candidates = [
    ...(pod === undefined ? [] : [`pod ${pod.namespace}/${pod.name} ${ifName}`]),
    `container ${containerId} ${ifName}`,
  ]
  const fitting = candidates.find(text => Buffer.byteLength(text) <= MAX_OWNER_BYTES)
  return fitting ?? `container ${digest(containerId)} ${ifName}`
}

/** The pod's MAC: the one asked for, else one that follows from the attachment. */
export function podMac(
  spec: Pick<AttachmentSpec, 'containerId' | 'ifName' | 'requestedMac'>,
  configured = '',
): string {
  return requestedMac(spec.requestedMac, configured) ?? localMac(`${spec.containerId}/${spec.ifName}`)
}

/**
 * The MAC that is asked for, if any. Throws `attach.invalid-configuration`.
 *
 * @param configured `mac` of the configuration, which comes last; empty for none
 */
export function requestedMac(requested: RequestedMac = {}, configured = ''): string | undefined {
  const { runtimeConfig = '', args = '', cniArgs = '' } = requested
  const asked = [runtimeConfig, args, cniArgs, configured].find(text => text !== '')
  return asked === undefined ? undefined : checkedMac(asked)
}

/** The canonical text of a MAC that an interface can have. Throws `attach.invalid-configuration`. */
function checkedMac(text: string): string {
  const mac = tryParseMac(text)
  if (mac === undefined) throw invalidConfiguration(`${JSON.stringify(text)} is not a MAC address`)
  // IEEE 802: the lowest bit of the first octet marks a group address, which no interface can have.
  if (Number.parseInt(mac.slice(0, 2), 16) & 1)
    throw invalidConfiguration(`MAC ${mac} is a multicast address`)
  if (mac === '00:00:00:00:00:00') throw invalidConfiguration(`MAC ${mac} is not valid for an interface`)
  return mac
}

/** MAC of the host's end: it follows from the attachment as well, so that results need no reading back. */
export function hostMac(containerId: string, ifName: string): string {
  return localMac(`host/${containerId}/${ifName}`)
}

/** Name of the device that what a pod sends is queued at: `bwp` and 12 hex digits. It follows from the attachment. */
export function shaperName(containerId: string, ifName: string): string {
  return `bwp${digest(`${containerId}/${ifName}`).slice(0, 12)}`
}

export function shaperMac(containerId: string, ifName: string): string {
  return localMac(`shaper/${containerId}/${ifName}`)
}

const CHAIN_USES = ['MASQ', 'PORT'] as const

/**
 * Name of a chain of iptables for one attachment: 28 characters, which is all that it may have. It follows from the
 * attachment, so that what is left of one whose record was lost is found by it.
 */
export function iptablesChainName(
  use: (typeof CHAIN_USES)[number],
  { containerId, ifName }: Pick<AttachmentSpec, 'containerId' | 'ifName'>,
): string {
  return `${IPTABLES_PREFIX}${use}-${digest(`${containerId}/${ifName}`).slice(0, 15)}`
}

/** All that an interface may have, with what is chained to it. */
export function iptablesChainNames(
  attachment: Pick<AttachmentSpec, 'containerId' | 'ifName'>,
): readonly string[] {
  return CHAIN_USES.map(use => iptablesChainName(use, attachment))
}

/** A bridge without a MAC of its own takes the lowest of its ports, and changes it as pods come and go. */
export function bridgeMac(hostIdentity: string, bridge: string): string {
  return localMac(`bridge/${hostIdentity}/${bridge}`)
}

function digest(text: string): string {
  return hash('sha256', text, 'hex')
}
