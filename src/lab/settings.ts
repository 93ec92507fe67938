import { addressCount, overlaps, type Prefix, parsePrefix, subnetCount } from '../ip/index.ts'
import { reservedRange } from '../model/index.ts'
import { labError } from './errors.ts'
import { MAX_NODES, segment } from './layout.ts'

export const LAB_BACKENDS = ['vxlan', 'host-gw', 'udp', 'ipip', 'wireguard'] as const
export type LabBackend = (typeof LAB_BACKENDS)[number]
/** With the others, one route leads to all nodes: which of them has a pod is not to be read from the kernel's routes. */
export function hasRoutePerNode(backend: LabBackend): boolean {
  return backend === 'vxlan' || backend === 'host-gw' || backend === 'ipip'
}

/** Who runs the pods: the lab itself, each a network namespace, or containerd on each node. */
export type LabRuntime = 'namespace' | 'containerd'

/** What a lab is made of; the result of {@link checkSettings}. */
export interface LabSettings {
  readonly name: string
  readonly nodes: number
  readonly backend: LabBackend
  readonly podsPerNode: number
  readonly runtime: LabRuntime
  /** Layer-2 networks of the underlay: 1 (flat) or 2 (joined by a router). */
  readonly segments: number
  /** IPv4 prefix of all pods; each node gets a /24 of it. */
  readonly network: string
  /** vxlan and ipip: nodes of one segment are routed to without encapsulation. */
  readonly directRouting: boolean
}

export const DEFAULT_SETTINGS: LabSettings = {
  name: 'default',
  nodes: 3,
  backend: 'vxlan',
  podsPerNode: 2,
  runtime: 'namespace',
  segments: 1,
  network: '10.244.0.0/16',
  directRouting: false,
}

/** Prefix length of one node's block. */
export const NODE_BLOCK_LENGTH = 24
const NAME = /^[a-z0-9]([a-z0-9-]{0,28}[a-z0-9])?$/

/** The settings, completed and checked. @throws LabError `lab.bad-setting` */
export function checkSettings(given: Partial<LabSettings>): LabSettings {
  const settings = { ...DEFAULT_SETTINGS, ...given }
  checkName(settings.name)
  wholeNumber('nodes', settings.nodes, 1, MAX_NODES)
  wholeNumber('pods-per-node', settings.podsPerNode, 0, 250)
  wholeNumber('segments', settings.segments, 1, 2)
  if (!LAB_BACKENDS.includes(settings.backend)) {
    throw badSetting('backend', String(settings.backend), `expected one of ${LAB_BACKENDS.join(', ')}`)
  }
  if (settings.runtime !== 'namespace' && settings.runtime !== 'containerd') {
    throw badSetting('runtime', String(settings.runtime), 'expected namespace or containerd')
  }
  if (settings.backend === 'host-gw' && settings.segments > 1) {
    const reason = 'host-gw needs all nodes on one layer-2 network; take --segments 1 or --backend vxlan'
    throw badSetting('segments', String(settings.segments), reason)
  }
  if (settings.directRouting && !['vxlan', 'ipip'].includes(settings.backend)) {
    const why = settings.backend === 'host-gw' ? 'routes directly anyway' : 'encapsulates whatever it carries'
    const reason = `${settings.backend} ${why}; leave it out, or take --backend vxlan`
    throw badSetting('direct-routing', 'true', reason)
  }
  checkNetwork(settings)
  return settings
}

/** A lab's name becomes a directory's. */
export function checkName(name: string): string {
  if (NAME.test(name)) return name
  const expected = 'expected 1 to 30 lower-case letters, digits and hyphens, with no hyphen at either end'
  throw badSetting('name', name, expected)
}

const MEMBER_NAME = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/

/** Names of nodes and pods are DNS labels (RFC 1123). @throws LabError `lab.bad-setting` */
export function checkMemberName(kind: 'node' | 'pod', name: string): string {
  if (MEMBER_NAME.test(name)) return name
  const message = `${JSON.stringify(name)} cannot be the name of a ${kind}: expected a DNS label (RFC 1123), such as ${kind === 'pod' ? 'web-7' : 'node-4'}`
  throw labError('check the settings', message, { code: 'lab.bad-setting', setting: kind, value: name })
}

function checkNetwork(settings: LabSettings): void {
  let network: Prefix
  try {
    network = parsePrefix(settings.network)
  } catch (error) {
    throw badSetting('network', settings.network, 'expected an IPv4 prefix such as 10.244.0.0/16', error)
  }
  if (network.family !== 4) throw badSetting('network', settings.network, 'the lab speaks IPv4 only')
  const reserved = reservedRange(network)
  if (reserved !== undefined) throw badSetting('network', settings.network, `${reserved}; take another`)
  for (const used of [segment(1), segment(2)]) {
    if (!overlaps(network, parsePrefix(used.prefix))) continue
    throw badSetting('network', settings.network, `it overlaps the underlay ${used.prefix}; take another`)
  }
  // As with flannel the first block is given to no node.
  const blocks = network.length >= NODE_BLOCK_LENGTH ? 0n : subnetCount(network, NODE_BLOCK_LENGTH) - 1n
  if (blocks >= BigInt(settings.nodes)) return
  const reason = `it has ${addressCount(network)} addresses, so ${blocks} blocks of /${NODE_BLOCK_LENGTH} besides the first, which stays free; one for each node is needed, ${settings.nodes} in all; take a shorter prefix`
  throw badSetting('network', settings.network, reason)
}

function wholeNumber(setting: string, value: number, least: number, most: number): void {
  if (Number.isSafeInteger(value) && value >= least && value <= most) return
  throw badSetting(setting, String(value), `expected a whole number from ${least} to ${most}`)
}

export function badSetting(setting: string, value: string, reason: string, cause?: unknown) {
  const message = `--${setting} ${JSON.stringify(value)}: ${reason}`
  return labError('check the settings', message, { code: 'lab.bad-setting', setting, value }, cause)
}
