import type { AttachmentId } from '../config.ts'
import type { CniCommand } from '../versions.ts'
import type { Attachment } from './attachment.ts'
import type { NetworkList, PluginObject } from './network-list.ts'
import type { JsonObject } from './outside-json.ts'

/** What a call adds to a plugin's object. */
export interface Injected {
  readonly prevResult?: JsonObject | undefined
  readonly capabilityArgs?: JsonObject | undefined
  readonly validAttachments?: readonly AttachmentId[] | undefined
}

/**
 * What one plugin of a list gets on standard input (specification, section 3, "Deriving"): its object with name and
 * version of the list and what belongs to the call. Of the capability arguments it gets those it has declared.
 * Everything else stays as its author wrote it, `capabilities` too, as with libcni.
 */
export function deriveConfiguration(list: NetworkList, plugin: PluginObject, injected: Injected): string {
  const { prevResult, validAttachments } = injected
  const runtimeConfig = declared(plugin, injected.capabilityArgs ?? {})
  const valid = validAttachments?.map(({ containerId, ifName }) => ({
    containerID: containerId,
    ifname: ifName,
  }))
  return JSON.stringify({
    ...plugin.raw,
    cniVersion: list.cniVersion,
    name: list.name,
    ...(prevResult === undefined ? {} : { prevResult }),
    ...(Object.keys(runtimeConfig).length === 0 ? {} : { runtimeConfig }),
    // The second is what libcni wrote before the specification settled on the first.
    ...(valid === undefined ? {} : { 'cni.dev/valid-attachments': valid, 'cni.dev/attachments': valid }),
  })
}

function declared({ capabilities }: PluginObject, args: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(args).filter(([name]) => capabilities[name] === true))
}

/** The variables of a call; those without a value are left out. `directories` is where plugins are looked for. */
export function callEnvironment(
  command: CniCommand,
  directories: readonly string[],
  attachment?: Attachment,
): Readonly<Record<string, string>> {
  const variables = {
    CNI_COMMAND: command,
    CNI_PATH: directories.join(':'),
    CNI_CONTAINERID: attachment?.containerId ?? '',
    CNI_NETNS: attachment?.netns ?? '',
    CNI_IFNAME: attachment?.ifName ?? '',
    CNI_ARGS: (attachment?.args ?? []).map(([key, value]) => `${key}=${value}`).join(';'),
  }
  return Object.fromEntries(Object.entries(variables).filter(([, value]) => value !== ''))
}
