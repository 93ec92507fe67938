import { errorText } from '../../base/index.ts'
import type { KeyValue } from '../../etcd/index.ts'
import {
  blockName,
  checkObject,
  issuesText,
  type Kind,
  type KindMap,
  type PodBlock,
} from '../../model/index.ts'
import {
  ANNOTATION_PREFIX,
  annotationsFromLease,
  type EtcdNetConf,
  type NetConfOptions,
  parseEtcdNetConf,
  parseLeaseKey,
} from '../../overlay/index.ts'

/** flannel's lease of one node, read. */
export interface SubnetLease {
  readonly kv: KeyValue
  /** The blocks, the IPv4 one first. */
  readonly cidrs: readonly string[]
  /** What the value says, as annotations of a Node. */
  readonly annotations: ReadonlyMap<string, string>
}

/** Whose eyes see what is in etcd. */
export interface Viewpoint {
  readonly nodeName: string
  /** IPv4, where the others reach this node: its lease is known by it. */
  readonly publicAddress: string
  /** The one of the underlay device, which a NAT may translate. */
  readonly uplinkAddress: string
  /** Key of this node's lease, if it has one. */
  readonly ownKey: string | undefined
  /** Where the configuration is, and the name that it goes by. */
  readonly configKey: string
  readonly configName: string
  /** What the configuration does not say of masquerading. */
  readonly masquerading: Omit<NetConfOptions, 'name'>
  /** Of this machine's present life: etcd holds none, and an instance is enough to tell agents apart. */
  readonly bootId: string
  /** What every lease lasts. */
  readonly ttlSeconds: number
}

const PUBLIC_ADDRESS = `${ANNOTATION_PREFIX}/public-ip`

/** The blocks that the key of a lease names; undefined for any other key. */
export function cidrsOf({ key }: KeyValue): readonly string[] | undefined {
  return parseLeaseKey(key.slice(key.lastIndexOf('/') + 1))
}

/** Undefined if the key is no lease's; what is wrong with the value, in words. */
export function readLease(kv: KeyValue): SubnetLease | string | undefined {
  const cidrs = cidrsOf(kv)
  if (cidrs === undefined) return undefined
  const annotations = annotationsFromLease(kv.value)
  return typeof annotations === 'string' ? annotations : { kv, cidrs, annotations }
}

export function publicAddressOf({ annotations }: SubnetLease): string | undefined {
  return annotations.get(PUBLIC_ADDRESS)
}

/** How each kind is read: undefined if the key holds none of it; what is wrong, in words. */
const READERS: {
  readonly [K in Kind]: (kv: KeyValue, view: Viewpoint, name?: string) => object | string | undefined
} = {
  Node: (kv, view) => ofLease(kv, lease => nodeOf(lease, view)),
  PodBlock: (kv, view, name) => ofLease(kv, lease => blockOf(lease, view, name)),
  NetworkConfig: networkConfigOf,
  Pod: () => undefined,
}

/**
 * The object of a kind that a key holds; undefined if it is none of it; what is wrong, in words.
 *
 * @param name which one, of those that `namesOf` tells; by default the first
 */
export function objectOf<K extends Kind>(
  kind: K,
  kv: KeyValue,
  view: Viewpoint,
  name?: string,
): KindMap[K] | string | undefined {
  const read = READERS[kind](kv, view, name)
  if (typeof read !== 'object') return read
  const result = checkObject(kind, read)
  return result.ok ? result.object : issuesText(result.issues)
}

/** Of the key alone, so that a value which nobody can read is still somebody's. */
export function objectName(kind: Kind, kv: KeyValue, { nodeName, ownKey, configName }: Viewpoint): string {
  if (kind === 'NetworkConfig') return configName
  const isOwnNode = kind === 'Node' && kv.key === ownKey
  return isOwnNode ? nodeName : (cidrsOf(kv) ?? []).map(blockName).join('.')
}

/** The names that an object can be asked for by: a PodBlock also by each of its blocks. */
export function namesOf(kind: Kind, kv: KeyValue, view: Viewpoint): readonly string[] {
  const blocks = kind === 'PodBlock' ? (cidrsOf(kv) ?? []).map(blockName) : []
  return [objectName(kind, kv, view), ...blocks]
}

/**
 * The claim on one of a lease's blocks, by default the first. Whoever holds the key by a lease of etcd has confirmed the
 * claim for as long as that lasts, and the lease's number is who: agents of ours take the number of their instance.
 */
function blockOf({ kv, cidrs }: SubnetLease, view: Viewpoint, wanted: string | undefined): PodBlock {
  const cidr = cidrs.find(each => blockName(each) === wanted) ?? cidrs[0] ?? ''
  const metadata = metadataOf(kv, wanted ?? objectName('PodBlock', kv, view))
  const lease = {
    instance: instanceOf(kv.lease),
    bootId: view.bootId,
    renewals: kv.version,
    seconds: view.ttlSeconds,
  }
  return {
    apiVersion: 'podlace.dev/v1alpha1',
    kind: 'PodBlock',
    metadata,
    spec: { cidr, nodeName: objectName('Node', kv, view), nodeUID: metadata.uid },
    // A key without a lease is reserved for its node for good, and nobody confirms it.
    status: kv.lease === 0n ? {} : { lease },
  }
}

/** Number of the lease by which this instance of an agent holds its key. */
export function leaseOfInstance(instance: string): bigint {
  return BigInt.asIntN(64, BigInt(`0x${instance}`))
}

function instanceOf(lease: bigint): string {
  return BigInt.asUintN(64, lease).toString(16).padStart(16, '0')
}

/** The node that has this lease. */
function nodeOf({ kv, cidrs, annotations }: SubnetLease, view: Viewpoint): object {
  const isOwn = kv.key === view.ownKey
  const address = isOwn ? view.uplinkAddress : annotations.get(PUBLIC_ADDRESS)
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      ...metadataOf(kv, objectName('Node', kv, view)),
      annotations: Object.fromEntries(annotations),
    },
    spec: { podCIDRs: cidrs },
    status: address === undefined ? {} : { addresses: [{ type: 'InternalIP', address }] },
  }
}

/** flannel's configuration, or what is wrong with it, in words. */
export function netConfOf(kv: KeyValue, { configName, masquerading }: Viewpoint): EtcdNetConf | string {
  try {
    return parseEtcdNetConf(kv.value, { name: configName, ...masquerading })
  } catch (error) {
    return errorText(error)
  }
}

/** The configuration as the object that says the same. */
function networkConfigOf(kv: KeyValue, view: Viewpoint): object | string | undefined {
  if (kv.key !== view.configKey) return undefined
  const conf = netConfOf(kv, view)
  if (typeof conf === 'string') return conf
  const { config } = conf
  const metadata = metadataOf(kv, view.configName)
  return { ...config, metadata, spec: { ...config.spec, blockCooldownSeconds: view.ttlSeconds } }
}

function ofLease(kv: KeyValue, make: (lease: SubnetLease) => object): object | string | undefined {
  const lease = readLease(kv)
  return typeof lease === 'object' ? make(lease) : lease
}

function metadataOf({ key, createRevision, modRevision }: KeyValue, name: string) {
  return {
    name,
    uid: `${key}@${createRevision}`,
    resourceVersion: String(modRevision),
    creationTimestamp: timeOf(createRevision),
  }
}

/** Of the year 9999: later ones are written in another way. */
const LAST_SECOND = 253_402_300_799

/** etcd knows no times. Objects are compared by theirs only, and of two the one with the lower revision is older. */
function timeOf(revision: number): string {
  return new Date(Math.min(revision, LAST_SECOND) * 1_000).toISOString().replace('.000Z', 'Z')
}
