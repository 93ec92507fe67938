import { errorText, hasCode } from '../../base/index.ts'
import type { AttachmentId } from '../config.ts'
import { type CniCommand, type CniVersion, isAtLeast, NEWEST_VERSION, requireVerb } from '../versions.ts'
import { pluginFailure, readResult, readVersions, resultOfVersion } from './answer.ts'
import { type Attachment, checkAttachment } from './attachment.ts'
import type { AttachmentCache } from './cache.ts'
import type { CacheEntry } from './cache-entry.ts'
import { callEnvironment, deriveConfiguration, type Injected } from './derive.ts'
import { runtimeError } from './errors.ts'
import type { NetworkList, PluginObject } from './network-list.ts'
import type { JsonObject } from './outside-json.ts'
import type { PluginExec } from './plugin-exec.ts'
import type { PluginOutput } from './plugin-process.ts'

export interface CniRuntimeOptions {
  readonly exec: PluginExec
  readonly cache: AttachmentCache
  /** Where plugins are looked for (CNI_PATH); a plugin looks there for those it delegates to. */
  readonly directories: readonly string[]
}

/** Which versions of the protocol a plugin says it speaks. */
export interface PluginVersions {
  readonly plugin: string
  readonly supportedVersions: readonly string[]
}

/**
 * Calls the plugins of networks as container runtimes do (specification 1.1.0, section 3), with libcni's cache.
 *
 * Calls for one container must follow one another, and GC must be alone: that is the caller's affair. What a plugin
 * refuses is `cni.runtime.plugin-failed`; nothing is undone by itself.
 */
export class CniRuntime {
  private readonly options: CniRuntimeOptions

  constructor(options: CniRuntimeOptions) {
    this.options = options
  }

  /**
   * ADD through the list in order, each plugin with its predecessor's result. @returns the last result, which is also
   * kept. If it fails, what the plugins before made stays: `del` takes it away.
   *
   * Throws `cni.runtime.attached` before any plugin is called if a result is kept already: the specification forbids
   * a second ADD, and plugins that are asked for one all the same fail in ways that invite a DEL.
   */
  async add(list: NetworkList, attachment: Attachment): Promise<JsonObject> {
    checkAttachment(attachment)
    if (this.kept(list, attachment) !== undefined) throw attachedAlready(list, attachment)
    const { capabilityArgs } = attachment
    let result: JsonObject = {}
    for (const [index, plugin] of list.plugins.entries()) {
      const injected = { capabilityArgs, prevResult: index === 0 ? undefined : result }
      const output = await this.call('ADD', list, plugin, injected, attachment)
      result = readResult(plugin.type, output, list.cniVersion)
    }
    this.options.cache.write({ network: list.name, attachment, config: list.bytes, result })
    return result
  }

  /**
   * CHECK through the list. @returns false if the list has it disabled. Throws `cni.incompatible-version` (1) below
   * 0.4.0, `cni.runtime.not-attached` if no result is kept.
   */
  async check(list: NetworkList, attachment: Attachment): Promise<boolean> {
    checkAttachment(attachment)
    requireVerb('CHECK', list.cniVersion)
    if (list.disableCheck) return false
    const entry = this.options.cache.read(list.name, attachment)
    if (entry?.result === undefined) throw notAttached(list, attachment)
    const known = { ...entry.attachment, ...attachment }
    const prevResult = resultOfVersion(entry.result, list.cniVersion)
    const injected = { prevResult, capabilityArgs: known.capabilityArgs }
    for (const plugin of list.plugins) await this.call('CHECK', list, plugin, injected, known)
    return true
  }

  /**
   * DEL through the list backwards, up to the first plugin that refuses. What the caller does not say (namespace,
   * arguments) is taken from what was kept; a kept result that cannot be read is as good as none.
   */
  async del(list: NetworkList, attachment: Attachment): Promise<void> {
    checkAttachment(attachment)
    const entry = this.kept(list, attachment)
    const known = { ...entry?.attachment, ...attachment }
    const prevResult = isAtLeast(list.cniVersion, '0.4.0') ? usableResult(entry, list.cniVersion) : undefined
    const injected = { prevResult, capabilityArgs: known.capabilityArgs }
    for (const plugin of list.plugins.toReversed()) await this.call('DEL', list, plugin, injected, known)
    if (entry !== undefined) this.options.cache.remove(list.name, attachment)
  }

  /**
   * DEL of every kept attachment that is not in `valid`, then GC through the list, where it speaks 1.1.0, so that the
   * plugins find what nothing was kept of. Goes on after errors. @returns what was deleted; undefined if the list has
   * GC disabled. Throws `cni.runtime.gc` with all that failed.
   */
  async gc(list: NetworkList, valid: readonly AttachmentId[]): Promise<readonly AttachmentId[] | undefined> {
    if (list.disableGc) return undefined
    const failures: string[] = []
    const attempt = (task: Promise<unknown>) =>
      task.then(
        () => true,
        (error: unknown) => {
          // What is interrupted is not to go on.
          if (hasCode(error, 'cni.runtime.interrupted')) throw error
          failures.push(errorText(error))
          return false
        },
      )
    const deleted: AttachmentId[] = []
    for (const { attachment } of this.options.cache.list(list.name)) {
      const { containerId, ifName } = attachment
      if (valid.some(one => one.containerId === containerId && one.ifName === ifName)) continue
      if (await attempt(this.del(list, attachment))) deleted.push({ containerId, ifName })
    }
    if (isAtLeast(list.cniVersion, '1.1.0')) {
      for (const plugin of list.plugins)
        await attempt(this.call('GC', list, plugin, { validAttachments: valid }))
    }
    if (failures.length === 0) return deleted
    const message = `of the garbage collection of network ${list.name}, ${failures.length} calls failed: ${failures.join('; ')}`
    throw runtimeError('GC', message, { code: 'cni.runtime.gc', failures })
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
    for (const { type } of list.plugins)
      answers.push({ plugin: type, supportedVersions: await this.versionsOf(type) })
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

  private kept(list: NetworkList, attachment: Attachment): CacheEntry | undefined {
    const { cache } = this.options
    try {
      return cache.read(list.name, attachment)
    } catch (error) {
      if (!hasCode(error, 'cni.runtime.cache')) throw error
      cache.remove(list.name, attachment)
      return undefined
    }
  }

  private async call(
    command: CniCommand,
    list: NetworkList,
    plugin: PluginObject,
    injected: Injected,
    attachment?: Attachment,
  ): Promise<PluginOutput> {
    const { exec, directories } = this.options
    const variables = callEnvironment(command, directories, attachment)
    const stdin = deriveConfiguration(list, plugin, injected)
    const output = await exec({ plugin: plugin.type, directories, variables, stdin })
    if (output.exitCode === 0) return output
    throw pluginFailure(command, plugin.type, output)
  }
}

function usableResult(entry: CacheEntry | undefined, version: CniVersion): JsonObject | undefined {
  if (entry?.result === undefined) return undefined
  try {
    return resultOfVersion(entry.result, version)
  } catch (error) {
    if (hasCode(error, 'cni')) return undefined
    throw error
  }
}

function notAttached({ name }: NetworkList, { containerId, ifName }: Attachment) {
  const message = `nothing is known of ${ifName} of container ${containerId} in network ${name}: ADD it first`
  return runtimeError('CHECK', message, { code: 'cni.runtime.not-attached', network: name })
}

function attachedAlready({ name }: NetworkList, { containerId, ifName }: Attachment) {
  const message = `${ifName} of container ${containerId} is attached to network ${name} already: DEL it first`
  return runtimeError('ADD', message, { code: 'cni.runtime.attached', network: name })
}
