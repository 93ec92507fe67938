import {
  apiVersionOf,
  type Checked,
  checkObject,
  issuesText,
  type Kind,
  type KindMap,
  kindInfo,
} from '../model/index.ts'
import { storeError } from './errors.ts'
import type { Asked } from './kubernetes-status.ts'
import { isJsonObject } from './merge-patch.ts'

/**
 * What makes an answer a list. Anything else with status 200 (a captive portal, a proxy's `{}`) must not be taken for an
 * empty list: everything would be taken to be gone.
 */
export function listParts(asked: Asked, page: { readonly [key: string]: unknown }) {
  const { items, metadata } = page
  const resourceVersion = revisionOf(page)
  // Go writes an empty list as null
  const listed: unknown = items === null ? [] : items
  if (isJsonObject(metadata) && Array.isArray(listed) && resourceVersion !== undefined) {
    return { listed, metadata, resourceVersion }
  }
  const message = `cannot ${asked.op}: the API server answered with something that is no list`
  throw storeError(asked.op, message, { code: 'store.unavailable' })
}

/** Objects in lists leave out what their list says, and empty parts are left out altogether. */
export function complete<K extends Kind>(kind: K, value: unknown): Checked<KindMap[K]> {
  if (!isJsonObject(value)) return checkObject(kind, value)
  const info = kindInfo(kind)
  const status = info.statusSubresource ? { status: {} } : {}
  return checkObject(kind, { apiVersion: apiVersionOf(info), kind, spec: {}, ...status, ...value })
}

export function rejection(
  value: unknown,
  checked: { readonly issues: readonly { path: string; message: string }[] },
) {
  const metadata = isJsonObject(value) && isJsonObject(value['metadata']) ? value['metadata'] : {}
  const key = [metadata['namespace'], metadata['name']].filter(part => typeof part === 'string').join('/')
  return { key, message: issuesText(checked.issues) }
}

export function revisionOf(object: unknown): string | undefined {
  const metadata = isJsonObject(object) ? object['metadata'] : undefined
  const revision = isJsonObject(metadata) ? metadata['resourceVersion'] : undefined
  return typeof revision === 'string' && revision !== '' ? revision : undefined
}
