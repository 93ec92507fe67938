import { isDeepStrictEqual } from 'node:util'
import { type Clock } from '../base/index.ts'
import { deepFreeze } from '../derive/index.ts'
import {
  apiVersionOf,
  checkObject,
  type Draft,
  issuesText,
  type Kind,
  type KindMap,
  kindInfo,
} from '../model/index.ts'
import { storeError } from './errors.ts'
import { isJsonObject } from './merge-patch.ts'

/** What a store needs to complete an object. */
export interface AdmissionContext {
  readonly clock: Clock
  /** Uniform in [0, 1): uids and generated names come from it. */
  readonly random: () => number
  readonly resourceVersion: string
}

/** Kubernetes' alphabet for generated names: no vowels and no look-alikes, so that no words come about. */
const nameAlphabet = 'bcdfghjklmnpqrstvwxz2456789'

/** The whole object that a draft becomes. Throws store.invalid. */
export function admitCreate<K extends Kind>(
  kind: K,
  draft: Draft<KindMap[K]>,
  context: AdmissionContext,
): KindMap[K] {
  const info = kindInfo(kind)
  const given = Object.fromEntries(Object.entries(draft).filter(([key]) => key !== 'status'))
  const status = info.statusOnCreate === 'keep' && 'status' in draft ? draft.status : emptyStatus(kind)
  const { generateName, name, ...meta } = draft.metadata
  const fullName =
    name ?? (generateName === undefined ? undefined : generateName + randomText(context.random))
  return finish(kind, `create ${kind} ${fullName ?? ''}`.trim(), {
    // a core object may leave out an empty spec
    ...(info.group === '' ? { spec: {} } : {}),
    ...given,
    apiVersion: draft.apiVersion ?? apiVersionOf(info),
    kind: draft.kind ?? kind,
    metadata: {
      ...withoutServerFields(meta),
      ...(generateName === undefined ? {} : { generateName }),
      name: fullName,
      uid: randomUid(context.random),
      resourceVersion: context.resourceVersion,
      creationTimestamp: timestampOf(context.clock),
      generation: 1,
    },
    ...(status === undefined ? {} : { status }),
  })
}

/**
 * What `next` makes of `current`: the fields of the other part (status, or everything else but the metadata of core
 * kinds) and what only the store may set stay as they are. The same object comes back if nothing changes. Throws
 * store.invalid.
 */
export function admitUpdate<K extends Kind>(
  kind: K,
  current: KindMap[K],
  next: object,
  part: 'object' | 'status',
  context: AdmissionContext,
): KindMap[K] {
  const op = `update ${kind} ${current.metadata.name}`
  const info = kindInfo(kind)
  const { uid, name, namespace, creationTimestamp, deletionTimestamp, generation = 1 } = current.metadata
  const metadata = {
    ...withoutServerFields(metadataOf(next)),
    name,
    uid,
    creationTimestamp,
    ...(namespace === undefined ? {} : { namespace }),
    ...(deletionTimestamp === undefined ? {} : { deletionTimestamp }),
  }
  if (part === 'status') {
    const status = 'status' in next ? { status: next.status } : {}
    // As in Kubernetes: flannel writes its annotations so. Status of custom resources is status alone.
    const written = info.group === '' ? { metadata } : {}
    return settle(kind, op, current, { ...current, ...written, ...status }, generation, context)
  }
  const kept = info.statusSubresource && 'status' in current ? { status: current.status } : {}
  const candidate = { ...next, ...kept, metadata }
  const sameContent = isDeepStrictEqual(contentOf(candidate), contentOf(current))
  return settle(kind, op, current, candidate, sameContent ? generation : generation + 1, context)
}

/** The object with its deletionTimestamp set, as it stays until its finalizers are gone. */
export function admitDeletion<K extends Kind>(
  kind: K,
  current: KindMap[K],
  context: AdmissionContext,
): KindMap[K] {
  const metadata = { ...current.metadata, deletionTimestamp: timestampOf(context.clock) }
  const generation = (current.metadata.generation ?? 1) + 1
  return settle(
    kind,
    `delete ${kind} ${metadata.name}`,
    current,
    { ...current, metadata },
    generation,
    context,
  )
}

/** The same object under another revision: what a DELETED event shows. */
export function withRevision<K extends Kind>(
  kind: K,
  object: KindMap[K],
  resourceVersion: string,
): KindMap[K] {
  return finish(kind, `delete ${kind}`, { ...object, metadata: { ...object.metadata, resourceVersion } })
}

/** RFC 3339 with whole seconds, as Kubernetes writes it. */
export function timestampOf(clock: Clock): string {
  return new Date(clock.wallMs()).toISOString().replace(/\.\d+Z$/, 'Z')
}

function settle<K extends Kind>(
  kind: K,
  op: string,
  current: KindMap[K],
  candidate: { readonly metadata: object },
  generation: number | undefined,
  context: AdmissionContext,
): KindMap[K] {
  const revised = (resourceVersion: string) => ({
    ...candidate,
    metadata: { ...candidate.metadata, resourceVersion, ...(generation === undefined ? {} : { generation }) },
  })
  if (isDeepStrictEqual(revised(current.metadata.resourceVersion), current)) return current
  return finish(kind, op, revised(context.resourceVersion))
}

/** Checks the whole object and makes it the store's own: a frozen copy that no caller can change afterwards. */
function finish<K extends Kind>(kind: K, op: string, candidate: object): KindMap[K] {
  const checked = checkObject(kind, copyOf(candidate))
  if (checked.ok) return deepFreeze(checked.object)
  const message = `${kind} is not valid: ${issuesText(checked.issues)}`
  throw storeError(op, message, { code: 'store.invalid', kind, issues: checked.issues })
}

/** A copy, all the way down, of what JSON can say; for that it is several times faster than structuredClone. */
function copyOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(copyOf)
  if (!isJsonObject(value)) return value
  const copy: Record<string, unknown> = {}
  for (const key of Object.keys(value)) {
    // assigned, this name would become the prototype
    if (key === '__proto__') Object.defineProperty(copy, key, { value: copyOf(value[key]), ...plainProperty })
    else copy[key] = copyOf(value[key])
  }
  return copy
}

const plainProperty = { enumerable: true, configurable: true, writable: true }

function metadataOf(object: object): object {
  const metadata = 'metadata' in object ? object.metadata : undefined
  return typeof metadata === 'object' && metadata !== null ? metadata : {}
}

/** Metadata without what only the store sets, and without managedFields, which we do not keep. */
function withoutServerFields(metadata: object): object {
  const own = new Set([
    'uid',
    'resourceVersion',
    'creationTimestamp',
    'deletionTimestamp',
    'generation',
    'managedFields',
    'selfLink',
  ])
  return Object.fromEntries(Object.entries(metadata).filter(([key]) => !own.has(key)))
}

/** What counts for `generation`: everything but metadata and status. */
function contentOf(object: object): object {
  return Object.fromEntries(Object.entries(object).filter(([key]) => key !== 'metadata' && key !== 'status'))
}

function emptyStatus(kind: Kind): object | undefined {
  if (kind === 'Pod') return { phase: 'Pending' }
  return kindInfo(kind).statusSubresource ? {} : undefined
}

function randomText(random: () => number): string {
  return Array.from({ length: 5 }, () => nameAlphabet[Math.floor(random() * nameAlphabet.length)]).join('')
}

/** A version 4 UUID from the given randomness. */
function randomUid(random: () => number): string {
  const hex = Array.from({ length: 31 }, () => Math.floor(random() * 16).toString(16)).join('')
  const variant = '89ab'[Math.floor(random() * 4)]
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(12, 15)}-${variant}${hex.slice(15, 18)}-${hex.slice(18, 30)}`
}
