import { invalidConfiguration } from './errors.ts'
import type { AttachmentSpec } from './plan.ts'
import { HOST_NETNS, type PodLinkFacts, podLink } from './pod-link.ts'
import type { CniDns, CniResult } from './result.ts'

/** A device as it is now. */
export interface ObservedDevice {
  readonly name: string
  /** Bytes. */
  readonly mtu: number
  readonly mac?: string
}

/** The keys of a plugin that puts the pod's interface on another device. */
export interface MasterConfig {
  /** Empty: the device of the default route, or in a chain the interface that is there. */
  readonly master: string
  /** Bytes; 0 takes the master's. */
  readonly mtu: number
  /** The master is in the pod. */
  readonly linkInContainer: boolean
  readonly dns?: CniDns
}

export interface MasteredSpec extends AttachmentSpec {
  /** The device that `masterName` chose, in the host's namespace or the pod's. */
  readonly master: ObservedDevice
}

/**
 * Name of the device to put the pod's interface on.
 *
 * Throws `attach.invalid-configuration` where nothing names one.
 *
 * @param otherwise `uplink` is the device of the default route, in the namespace that the master is to be in;
 *   `prevResult` what the plugins before it in the chain came to
 */
export function masterName(
  { master }: Pick<MasterConfig, 'master'>,
  otherwise: { readonly uplink?: string; readonly prevResult?: CniResult },
): string {
  if (master !== '') return master
  const { uplink, prevResult } = otherwise
  if (prevResult === undefined) {
    if (uplink !== undefined) return uplink
    throw invalidConfiguration('there is no default route to take the master from: name one')
  }
  const [first, ...more] = prevResult.interfaces
  if (first !== undefined && more.length === 0) return first.name
  const found = prevResult.interfaces.map(({ name }) => name).join(', ')
  throw invalidConfiguration(`prevResult has not one interface but ${found || 'none'}: name the master`)
}

/** What links on a master have in common. Throws `attach.invalid-configuration` for an MTU above the master's. */
export function masteredLink(spec: MasteredSpec, { mtu, linkInContainer }: MasterConfig) {
  const { master } = spec
  if (mtu > master.mtu) {
    throw invalidConfiguration(`mtu ${mtu} is above ${master.mtu}, that of the master ${master.name}`)
  }
  const place = linkInContainer ? {} : { deviceNetns: HOST_NETNS }
  return { ...podLink(spec, mtu), device: master.name, ...place }
}

/** What is known of a link on a master that asks for nothing else: it takes the master's MAC and MTU. */
export function masteredFacts({ master }: MasteredSpec, config: MasterConfig): PodLinkFacts {
  return { mac: master.mac, mtu: config.mtu === 0 ? master.mtu : config.mtu, dns: config.dns }
}
