import type { Kind } from './kinds.ts'

/**
 * What the API server, the clients and the stores must know of a kind besides its schema. A new kind is a new row here,
 * an interface in `kinds.ts` and a schema in `schemas/`.
 */
export interface KindInfo<K extends Kind = Kind> {
  readonly kind: K
  /** API group; empty for the core group, whose paths begin with `/api` instead of `/apis/<group>`. */
  readonly group: string
  readonly version: string
  readonly plural: string
  readonly singular: string
  /** What kubectl accepts in place of the plural: `po`, `no`. */
  readonly shortNames: readonly string[]
  readonly namespaced: boolean
  /** The kind has `/status`: writes to the object leave status alone, writes to status leave the rest alone. */
  readonly statusSubresource: boolean
  /** Status given at creation is kept (Node, which kubelets register complete) or replaced by an empty one. */
  readonly statusOnCreate: 'keep' | 'clear'
  /** Lists that a strategic merge patch merges by a key instead of replacing them: dotted path to the key's name. */
  readonly mergeKeys: Readonly<Record<string, string>>
  /** Fields besides metadata.name and metadata.namespace that a field selector may name. */
  readonly selectableFields: readonly string[]
  /** Names are one DNS label (`label`) or dotted labels (`subdomain`), RFC 1123. */
  readonly nameFormat: 'label' | 'subdomain'
}

const kindTable: { readonly [K in Kind]: KindInfo<K> } = {
  Node: {
    kind: 'Node',
    group: '',
    version: 'v1',
    plural: 'nodes',
    singular: 'node',
    shortNames: ['no'],
    namespaced: false,
    statusSubresource: true,
    statusOnCreate: 'keep',
    mergeKeys: { 'status.conditions': 'type', 'status.addresses': 'type' },
    selectableFields: [],
    nameFormat: 'subdomain',
  },
  Pod: {
    kind: 'Pod',
    group: '',
    version: 'v1',
    plural: 'pods',
    singular: 'pod',
    shortNames: ['po'],
    namespaced: true,
    statusSubresource: true,
    statusOnCreate: 'clear',
    mergeKeys: {
      'spec.containers': 'name',
      'spec.initContainers': 'name',
      'spec.volumes': 'name',
      'status.conditions': 'type',
      'status.podIPs': 'ip',
    },
    selectableFields: ['spec.nodeName', 'status.phase', 'status.podIP'],
    nameFormat: 'subdomain',
  },
  NetworkConfig: {
    kind: 'NetworkConfig',
    group: 'podlace.dev',
    version: 'v1alpha1',
    plural: 'networkconfigs',
    singular: 'networkconfig',
    shortNames: ['netconf'],
    namespaced: false,
    statusSubresource: false,
    statusOnCreate: 'keep',
    mergeKeys: {},
    selectableFields: [],
    nameFormat: 'subdomain',
  },
  PodBlock: {
    kind: 'PodBlock',
    group: 'podlace.dev',
    version: 'v1alpha1',
    plural: 'podblocks',
    singular: 'podblock',
    shortNames: ['pb'],
    namespaced: false,
    statusSubresource: true,
    statusOnCreate: 'clear',
    mergeKeys: {},
    selectableFields: ['spec.nodeName'],
    nameFormat: 'subdomain',
  },
}

export function kindInfo<K extends Kind>(kind: K): KindInfo<K> {
  return kindTable[kind]
}

/** All rows, in the order in which discovery lists them. */
export function allKinds(): readonly KindInfo[] {
  return Object.values(kindTable)
}

/** `v1`, or `podlace.dev/v1alpha1`: what stands in an object's apiVersion. */
export function apiVersionOf(info: KindInfo): string {
  return info.group === '' ? info.version : `${info.group}/${info.version}`
}

/** True if `text` names a kind of the table. */
export function isKindName(text: string): text is Kind {
  return Object.hasOwn(kindTable, text)
}
