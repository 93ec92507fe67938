export {
  deleteOperation,
  EtcdClient,
  type EtcdOptions,
  isAbsent,
  isAsRead,
  putOperation,
  type RangeResult,
} from './client.ts'
export type { Credentials } from './connection.ts'
export type { TlsFiles } from './endpoint.ts'
export type { EtcdError, EtcdErrorPayload } from './errors.ts'
export type { KeyValue } from './messages.ts'
export type { WatchBatch, WatchEvent, WatchOptions } from './watch.ts'
