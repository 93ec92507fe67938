import { errorText, hasCode } from '../../base/index.ts'
import type { AttachmentId } from '../config.ts'
import { type CniCommand, isAtLeast, NEWEST_VERSION, requireVerb } from '../versions.ts'
import { pluginFailure, readResult, readVersions } from './answer.ts'
import { type Attachment, checkAttachment } from './attachment.ts'
import { callEnvironment, deriveConfiguration, type Injected } from './derive.ts'
import type { NetworkList, PluginObject } from './network-list.ts'
import type { JsonObject } from './outside-json.ts'
import type { PluginExec } from './plugin-exec.ts'
import type { PluginOutput } from './plugin-process.ts'

export interface PluginChainOptions {
  readonly exec: PluginExec
  /** Where plugins are looked for (CNI_PATH); a plugin looks there for those it delegates to. */
  readonly directories: readonly string[]
}

/** Which versions of the protocol a plugin says it speaks. */
export interface PluginVersions {
  readonly plugin: string
  readonly supportedVersions: readonly string[]
}

/**
 * Calls the plugins of a network in the order that the specification (1.1.0, section 3) says, and remembers nothing.
 *
 * What a plugin refuses is `cni.runtime.plugin-failed`; nothing is undone by itself.
 */
export class PluginChain {
  private readonly options: PluginChainOptions

  constructor(options: PluginChainOptions) {
    this.options = options
  }

  /** ADD through the list, each plugin with its predecessor's result. @returns the last result */
  async add(list: NetworkList, attachment: Attachment): Promise<JsonObject> {
    checkAttachment(attachment)
    let result: JsonObject | undefined
    for (const plugin of list.plugins) {
      const output = await this.call('ADD', list, plugin, { prevResult: result }, attachment)
      result = readResult(plugin.type, output, list.cniVersion)
    }
    return result ?? {}
  }

  /** CHECK through the list. Throws `cni.incompatible-version` (1) below 0.4.0, which has none. */
  async check(list: NetworkList, attachment: Attachment, prevResult: JsonObject): Promise<void> {
    checkAttachment(attachment)
    requireVerb('CHECK', list.cniVersion)
    for (const plugin of list.plugins) await this.call('CHECK', list, plugin, { prevResult }, attachment)
  }

  /** DEL through the list backwards, up to the first plugin that refuses. Below 0.4.0 it is told no result. */
  async del(list: NetworkList, attachment: Attachment, lastResult?: JsonObject): Promise<void> {
    checkAttachment(attachment)
    const prevResult = isAtLeast(list.cniVersion, '0.4.0') ? lastResult : undefined
    for (const plugin of list.plugins.toReversed()) {
      await this.call('DEL', list, plugin, { prevResult }, attachment)
    }
  }

  /** GC through the list, where it speaks 1.1.0; goes on after errors. @returns what failed, in words */
  async gc(list: NetworkList, validAttachments: readonly AttachmentId[]): Promise<readonly string[]> {
    if (!isAtLeast(list.cniVersion, '1.1.0')) return []
    const failures: string[] = []
    for (const plugin of list.plugins) {
      await collectFailure(failures, this.call('GC', list, plugin, { validAttachments }))
    }
    return failures
  }

  /** STATUS through the list, up to the first plugin that is not ready. @returns false below 1.1.0, which has none. */
  async status(list: NetworkList): Promise<boolean> {
    if (!isAtLeast(list.cniVersion, '1.1.0')) return false
    for (const plugin of list.plugins) await this.call('STATUS', list, plugin, {})
    return true
  }

  /** Asks every plugin of the list for the versions it speaks. */
  async versions(list: NetworkList): Promise<readonly PluginVersions[]> {
    const answers: PluginVersions[] = []
    for (const { type } of list.plugins) {
      answers.push({ plugin: type, supportedVersions: await this.versionsOf(type) })
    }
    return answers
  }

  private async versionsOf(plugin: string): Promise<readonly string[]> {
    const { exec, directories } = this.options
    // Old plugins look for the variables of ADD before they look which command it is.
    const any = { containerId: 'dummy', ifName: 'dummy', netns: 'dummy' }
    const variables = callEnvironment('VERSION', directories, any)
    const stdin = JSON.stringify({ cniVersion: NEWEST_VERSION })
    const output = await exec({ plugin, directories, variables, stdin })
    if (output.exitCode === 0) return readVersions(plugin, output)
    const failure = pluginFailure('VERSION', plugin, output)
    // The command came with 0.2.0.
    if (failure.message.endsWith('unknown CNI_COMMAND: VERSION')) return ['0.1.0']
    throw failure
  }

  private async call(
    command: CniCommand,
    list: NetworkList,
    plugin: PluginObject,
    injected: Omit<Injected, 'capabilityArgs'>,
    attachment?: Attachment,
  ): Promise<PluginOutput> {
    const { exec, directories } = this.options
    const variables = callEnvironment(command, directories, attachment)
    const stdin = deriveConfiguration(list, plugin, {
      ...injected,
      capabilityArgs: attachment?.capabilityArgs,
    })
    const output = await exec({ plugin: plugin.type, directories, variables, stdin })
    if (output.exitCode === 0) return output
    throw pluginFailure(command, plugin.type, output)
  }
}

/** True if it did not fail. What is interrupted is not to go on, and throws. */
export async function collectFailure(failures: string[], task: Promise<unknown>): Promise<boolean> {
  try {
    await task
    return true
  } catch (error) {
    if (hasCode(error, 'cni.runtime.interrupted')) throw error
    failures.push(errorText(error))
    return false
  }
}
