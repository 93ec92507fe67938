export { pluginFailure } from './answer.ts'
export type { Attachment } from './attachment.ts'
export { AttachmentCache } from './cache.ts'
export { type CacheEntry, decodeCacheEntry, encodeCacheEntry } from './cache-entry.ts'
export { callEnvironment } from './derive.ts'
export type { RuntimeErrorPayload } from './errors.ts'
export { NetworkFiles } from './network-files.ts'
export {
  type NetworkList,
  type PluginObject,
  parseNetworkList,
  parseSingleConfiguration,
} from './network-list.ts'
export type { JsonObject } from './outside-json.ts'
export { type PluginVersions } from './plugin-chain.ts'
export { localExec, type PluginCall, type PluginExec } from './plugin-exec.ts'
export { type PluginOutput, runPluginProcess } from './plugin-process.ts'
export { CniRuntime, type CniRuntimeOptions } from './runtime.ts'
