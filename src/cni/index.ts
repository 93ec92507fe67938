export { type AtomicWrite, writeAtomically } from './atomic-file.ts'
export {
  type AttachmentId,
  type CniArgs,
  checkPodlaceKeys,
  type NetworkConfiguration,
  parseConfiguration,
  type RuntimeConfig,
  requireValidAttachments,
} from './config.ts'
export {
  type CniErrorName,
  type CniErrorPayload,
  type CniErrorReply,
  cniError,
  cniErrorReply,
  delegateError,
} from './errors.ts'
export {
  type CniOrder,
  type CniReply,
  type CniRequest,
  decodeOrderAnswer,
  decodeReply,
  decodeRequest,
  encodeOrder,
  encodeReply,
  encodeRequest,
  FD_NAMES,
  type FdName,
} from './frame.ts'
export {
  type Change,
  type InstallError,
  type InstallErrorPayload,
  type InstallOptions,
  type InstallReport,
  install,
  NETWORK_FILE,
  type NetworkFile,
  podlaceNetwork,
  readNetworkFile,
  type UninstallOptions,
  uninstall,
} from './install/index.ts'
export { isObject } from './json-object.ts'
export {
  type CniParameters,
  IDENTIFIER,
  type PodIdentity,
  parseParameters,
  splitArgs,
} from './parameters.ts'
export { PLUGIN_TYPES, type PluginType } from './plugin-types.ts'
export { formatResult, parseResult } from './result.ts'
export {
  type Attachment,
  AttachmentCache,
  type CacheEntry,
  CniRuntime,
  type CniRuntimeOptions,
  callEnvironment,
  decodeCacheEntry,
  encodeCacheEntry,
  type JsonObject,
  localExec,
  NetworkFiles,
  type NetworkList,
  type PluginCall,
  type PluginExec,
  type PluginObject,
  type PluginOutput,
  type PluginVersions,
  parseNetworkList,
  parseSingleConfiguration,
  pluginFailure,
  type RuntimeErrorPayload,
  runPluginProcess,
} from './runtime/index.ts'
export {
  type CniCommand,
  type CniVersion,
  isAtLeast,
  requireVerb,
  versionReply,
} from './versions.ts'
