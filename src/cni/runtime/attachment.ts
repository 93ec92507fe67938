import { checkContainerId, checkInterfaceName } from '../parameters.ts'
import type { JsonObject } from './outside-json.ts'

/** What a runtime says about one interface of one container. */
export interface Attachment {
  readonly containerId: string
  readonly ifName: string
  /** Path of the network namespace as the plugin sees it; on DEL it may be unknown. */
  readonly netns?: string
  /** CNI_ARGS, in their order. */
  readonly args?: readonly (readonly [key: string, value: string])[]
  /** For plugins that declare the capability: `portMappings`, `bandwidth`, `mac` ... */
  readonly capabilityArgs?: JsonObject
}

/** Throws `cni.invalid-environment` (4): both names become parts of paths. */
export function checkAttachment(attachment: Attachment): void {
  checkContainerId(attachment.containerId)
  checkInterfaceName(attachment.ifName)
}
