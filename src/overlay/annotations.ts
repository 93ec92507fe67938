import {
  type Address,
  contains,
  type Family,
  familyOf,
  formatAddress,
  formatPrefix,
  parsePrefix,
  tryParseAddress,
  tryParsePrefix,
} from '../ip/index.ts'
import type { NetworkConfig, Node } from '../model/index.ts'
import { backendOf, dataReader } from './backends.ts'
import { ownBlocks } from './blocks.ts'
import { nodeFinding, type OverlayFinding, quote } from './finding.ts'
import { type OverlayPeer, type OverlaySelf, type PeerData, type PeerFamily, publicAddress } from './node.ts'

/** flannel's prefix, and its default there: nodes of a running flannel cluster are understood, and understand. */
export const ANNOTATION_PREFIX = 'flannel.alpha.coreos.com'

const NAMES = {
  manager: 'kube-subnet-manager',
  type: 'backend-type',
  /** Ours: flannel's nodes all have the network's. */
  port: 'backend-port',
  data: { 4: 'backend-data', 6: 'backend-v6-data' },
  publicAddress: { 4: 'public-ip', 6: 'public-ipv6' },
  overwrite: { 4: 'public-ip-overwrite', 6: 'public-ipv6-overwrite' },
} as const

/** Longest annotation that is looked at; ours have less than a hundred characters. */
const MAX_LENGTH = 1024

/** Ranges that no node can be reached at: this host, loopback, multicast, reserved (RFC 6890). */
const UNREACHABLE = ['0.0.0.0/8', '127.0.0.0/8', '224.0.0.0/3', '::/127', 'fe80::/10', 'ff00::/8'].map(
  parsePrefix,
)

export interface PeerReading {
  /** Absent if nothing of the node can be used. */
  readonly peer?: OverlayPeer
  readonly findings: readonly OverlayFinding[]
}

/**
 * Reads a peer out of its Node object. Annotations are written by another machine: whatever they hold, the answer
 * is a peer, findings, or both, and no family suffers from a fault of the other.
 */
export function peerFromNode(node: Node): PeerReading {
  const nodeName = node.metadata.name
  const backendType = announcedType(node)
  const cidrs = node.spec.podCIDRs ?? (node.spec.podCIDR === undefined ? [] : [node.spec.podCIDR])
  if (cidrs.length === 0) return { findings: [nodeFinding(nodeName, 'it has no pod CIDR yet')] }
  if (backendType === undefined) {
    const text = `it is not part of the pod network yet: annotation ${ANNOTATION_PREFIX}/${NAMES.type} is missing, its agent has not started`
    return { findings: [nodeFinding(nodeName, text)] }
  }
  const findings: OverlayFinding[] = []
  const sides: { ipv4?: PeerFamily; ipv6?: PeerFamily } = {}
  for (const podCidr of cidrs) {
    const side = readFamily(node, backendType, podCidr)
    if (typeof side === 'string') findings.push(nodeFinding(nodeName, side))
    else if (familyOf(podCidr) === 6) sides.ipv6 ??= side
    else sides.ipv4 ??= side
  }
  if (sides.ipv4 === undefined && sides.ipv6 === undefined) return { findings }
  return { peer: { nodeName, createdAt: node.metadata.creationTimestamp, backendType, ...sides }, findings }
}

/** One family of a peer, or what is wrong with it. */
function readFamily(node: Node, backendType: string, podCidr: string): PeerFamily | string {
  const prefix = tryParsePrefix(podCidr)
  if (prefix === undefined) return `its pod CIDR ${quote(podCidr)} is not a prefix`
  const { family } = prefix
  const name = `${ANNOTATION_PREFIX}/${NAMES.publicAddress[family]}`
  const text = annotation(node, NAMES.publicAddress[family])
  if (text === undefined) return `annotation ${name} is missing, so its pods ${podCidr} cannot be reached`
  const address = tryParseAddress(text)
  if (address === undefined || address.family !== family || isUnreachable(address)) {
    return `annotation ${name} is ${quote(text)}, which is no IPv${family} address of a node`
  }
  // However it is written: the kernel tells its own form back.
  const base = { podCidr: formatPrefix(prefix), publicAddress: formatAddress(address) }
  const read = dataReader(backendType)
  if (read === undefined) return base
  const data = readData(node, family, read)
  if (typeof data === 'string') return data
  const port = announcedPort(node)
  if (typeof port === 'string') return port
  const tellsPort = port !== undefined && (data.type === 'vxlan' || data.type === 'udp')
  return { ...base, data: tellsPort ? { ...data, port } : data }
}

/** What it says, or what is wrong with it; undefined if it says nothing. */
function announcedPort(node: Node): number | string | undefined {
  const text = annotation(node, NAMES.port)
  if (text === undefined) return undefined
  const port = /^[1-9]\d{0,4}$/.test(text) ? Number(text) : Number.NaN
  if (port <= 65_535) return port
  return `annotation ${ANNOTATION_PREFIX}/${NAMES.port} is ${quote(text)}, which is no UDP port`
}

function readData(
  node: Node,
  family: Family,
  read: (value: unknown) => PeerData | string,
): PeerData | string {
  const name = `${ANNOTATION_PREFIX}/${NAMES.data[family]}`
  const text = annotation(node, NAMES.data[family])
  if (text === undefined) {
    const data = read(undefined)
    return typeof data === 'string'
      ? `annotation ${name} is missing, so its end of the tunnel is not known`
      : data
  }
  if (text.length > MAX_LENGTH) return `annotation ${name} is longer than ${MAX_LENGTH} characters`
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return `annotation ${name} is ${quote(text)}, which is not JSON`
  }
  const data = read(value)
  return typeof data === 'string' ? `annotation ${name} is not valid: ${quote(data)}` : data
}

/** The addresses a node's owner wants advertised instead of the uplink's own (a NAT in between, say). */
export interface AddressOverwrite {
  readonly publicAddress?: string
  readonly publicAddress6?: string
}

/** Reads `public-ip-overwrite` and its twin from this node's own object. */
export function overwriteFromNode(
  node: Node,
): AddressOverwrite & { readonly findings: readonly OverlayFinding[] } {
  const findings: OverlayFinding[] = []
  const read = (family: Family): string | undefined => {
    const text = annotation(node, NAMES.overwrite[family])
    if (text === undefined) return undefined
    const address = tryParseAddress(text)
    if (address?.family === family && !isUnreachable(address)) return formatAddress(address)
    const name = `${ANNOTATION_PREFIX}/${NAMES.overwrite[family]}`
    findings.push(
      nodeFinding(
        node.metadata.name,
        `annotation ${name} is ${quote(text)}, which is no IPv${family} address of a node; it is not used`,
      ),
    )
    return undefined
  }
  const [v4, v6] = [read(4), read(6)]
  return {
    findings,
    ...(v4 === undefined ? {} : { publicAddress: v4 }),
    ...(v6 === undefined ? {} : { publicAddress6: v6 }),
  }
}

/**
 * What this node tells the others: the whole set of annotations of ours. A key with null is to be removed (as in a
 * JSON merge patch), so that a node that loses a family does not go on telling of it.
 */
export function annotationsFor(
  config: NetworkConfig,
  self: OverlaySelf,
  overwrite: AddressOverwrite = {},
): ReadonlyMap<string, string | null> {
  const backend = backendOf(config)
  if (backend.awaits?.(self) === true) return new Map()
  const carried = ownBlocks(config, self).filter(own => backend.families.includes(own.family))
  const families = new Set(carried.map(own => own.family))
  const annotations = new Map<string, string | null>([
    [`${ANNOTATION_PREFIX}/${NAMES.manager}`, 'true'],
    [`${ANNOTATION_PREFIX}/${NAMES.type}`, backend.announcedAs ?? backend.type],
    [`${ANNOTATION_PREFIX}/${NAMES.port}`, backend.announcedPort?.toString() ?? null],
  ])
  for (const family of [4, 6] as const) {
    const wanted = family === 4 ? overwrite.publicAddress : overwrite.publicAddress6
    const address = families.has(family) ? (wanted ?? publicAddress(self.uplink, family)) : undefined
    annotations.set(`${ANNOTATION_PREFIX}/${NAMES.publicAddress[family]}`, address ?? null)
    annotations.set(
      `${ANNOTATION_PREFIX}/${NAMES.data[family]}`,
      address === undefined ? null : (JSON.stringify(backend.published(self, family)) ?? ''),
    )
  }
  return annotations
}

/** Of flannel's alloc the type is empty; nobody else writes that. */
function announcedType(node: Node): string | undefined {
  return annotationsOf(node).get(`${ANNOTATION_PREFIX}/${NAMES.type}`) === ''
    ? 'alloc'
    : annotation(node, NAMES.type)
}

function annotation(node: Node, name: string): string | undefined {
  const text = annotationsOf(node).get(`${ANNOTATION_PREFIX}/${name}`)
  return text === '' ? undefined : text
}

function annotationsOf(node: Node): ReadonlyMap<string, string> {
  return new Map(Object.entries(node.metadata.annotations ?? {}))
}

function isUnreachable(address: Address): boolean {
  return UNREACHABLE.some(prefix => contains(prefix, address))
}
