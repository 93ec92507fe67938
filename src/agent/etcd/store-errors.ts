import { hasCode } from '../../base/index.ts'
import type { EtcdError } from '../../etcd/index.ts'
import type { Kind } from '../../model/index.ts'
import { type StoreError, storeError } from '../../store/index.ts'

/** What an error of etcd is to whoever asks a store. Other errors stay what they are. */
export function inStoreWords(op: string, kind: Kind, error: unknown): unknown {
  if (!isEtcdError(error)) return error
  const { message, payload } = error
  switch (payload.code) {
    case 'etcd.compacted':
      return storeError(op, message, { code: 'store.expired', kind })
    case 'etcd.denied':
      return storeError(op, message, { code: 'store.denied', status: 403 })
    default:
      return storeError(op, message, { code: 'store.unavailable' })
  }
}

/** Only a list can tell what is. */
export function expired(kind: Kind, why: string): StoreError {
  return storeError(`watch ${kind}`, why, { code: 'store.expired', kind })
}

export function notFound(kind: Kind, key: string): StoreError {
  return storeError(`get ${kind} ${key}`, `there is no ${kind} ${key} in etcd`, {
    code: 'store.not-found',
    kind,
    key,
  })
}

export function conflict(kind: Kind, key: string): StoreError {
  const message = `${kind} ${key} is not as it was read: somebody changed its key in etcd`
  return storeError(`write ${kind} ${key}`, message, { code: 'store.conflict', kind, key })
}

/** flannel's layout has no place for it. */
export function readOnly(kind: Kind, key: string): StoreError {
  const message = `${kind} ${key} cannot be written in this way: of flannel's keys in etcd a node writes its own lease only`
  return storeError(`write ${kind} ${key}`, message, {
    code: 'store.invalid',
    kind,
    issues: [{ path: '', message }],
  })
}

function isEtcdError(error: unknown): error is EtcdError {
  return hasCode(error, 'etcd')
}
