export type { StoredChange } from './change-window.ts'
export {
  isStoreError,
  type StoreError,
  type StoreErrorCode,
  type StoreErrorPayload,
  storeError,
} from './errors.ts'
export { Informer, type InformerCounters, type InformerOptions } from './informer.ts'
export { readKubeconfig } from './kubeconfig.ts'
export { inClusterConnection, type KubernetesConnection } from './kubernetes-connection.ts'
export { KubernetesStore, type KubernetesStoreOptions } from './kubernetes-store.ts'
export type { KubernetesRequest, KubernetesResponse, KubernetesTransport } from './kubernetes-transport.ts'
export { type Journal, type LoadedKind, LocalStore, type LocalStoreOptions } from './local-store.ts'
export { MemoryStore } from './memory-store.ts'
export { isJsonObject, unsupportedDirective } from './merge-patch.ts'
export type { SqliteOptions } from './sqlite-journal.ts'
export { SqliteStore } from './sqlite-store.ts'
export * from './store.ts'
