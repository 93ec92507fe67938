import { type Kind, kindInfo } from '../model/index.ts'
import type { KubernetesRequest } from './kubernetes-transport.ts'
import { isJsonObject } from './merge-patch.ts'
import type { ListOptions, MergePatch, PatchOptions } from './store.ts'

/** Preconditions travel in the patch's metadata, where Kubernetes looks for them. */
export function patchCall(
  path: string,
  patch: MergePatch,
  options: PatchOptions,
): Omit<KubernetesRequest, 'op'> {
  const { strategy = 'merge', uid, resourceVersion } = options
  const conditions = {
    ...(uid === undefined ? {} : { uid }),
    ...(resourceVersion === undefined ? {} : { resourceVersion }),
  }
  const given = isJsonObject(patch['metadata']) ? patch['metadata'] : {}
  const metadata = { ...given, ...conditions }
  const body = Object.keys(metadata).length === 0 ? patch : { ...patch, metadata }
  const contentType =
    strategy === 'merge' ? 'application/merge-patch+json' : 'application/strategic-merge-patch+json'
  return { method: 'PATCH', path, body, contentType }
}

/** The selectors as query parameters. */
export function selectionQuery(options: ListOptions): Record<string, string> {
  const { labelSelector, fieldSelector } = options
  return { ...(labelSelector ? { labelSelector } : {}), ...(fieldSelector ? { fieldSelector } : {}) }
}

/** `/api/v1/namespaces/default/pods?...` */
export function collectionPath(
  kind: Kind,
  namespace: string | undefined,
  query: Record<string, string> = {},
): string {
  const info = kindInfo(kind)
  const root = info.group === '' ? `/api/${info.version}` : `/apis/${info.group}/${info.version}`
  const inside =
    info.namespaced && namespace !== undefined ? `/namespaces/${encodeURIComponent(namespace)}` : ''
  const search = new URLSearchParams(query).toString()
  return `${root}${inside}/${info.plural}${search === '' ? '' : `?${search}`}`
}

/** `/api/v1/nodes/worker-2`; the parts of the key are escaped. */
export function itemPath(kind: Kind, key: string): string {
  const slash = kindInfo(kind).namespaced ? key.indexOf('/') : -1
  const namespace = slash < 0 ? undefined : key.slice(0, slash)
  return `${collectionPath(kind, namespace)}/${encodeURIComponent(key.slice(slash + 1))}`
}
