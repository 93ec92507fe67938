export {
  type AttachmentId,
  type CniArgs,
  checkPodlaceKeys,
  type NetworkConfiguration,
  parseConfiguration,
  type RuntimeConfig,
} from './config.ts'
export {
  CNI_ERROR_CODES,
  type CniErrorName,
  type CniErrorPayload,
  type CniErrorReply,
  cniCodeOf,
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
  FRAME_VERSION,
} from './frame.ts'
export {
  type CniParameters,
  checkContainerId,
  checkInterfaceName,
  type PodIdentity,
  parseParameters,
} from './parameters.ts'
export { formatResult, parseResult } from './result.ts'
export {
  CNI_COMMANDS,
  CNI_VERSIONS,
  type CniCommand,
  type CniVersion,
  isAtLeast,
  NEWEST_VERSION,
  parseVersion,
  requireVerb,
  versionReply,
} from './versions.ts'
