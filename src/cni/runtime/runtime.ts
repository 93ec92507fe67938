import { hasCode } from '../../base/index.ts'
import type { AttachmentId } from '../config.ts'
import { type CniVersion, requireVerb } from '../versions.ts'
import { resultOfVersion } from './answer.ts'
import { type Attachment, checkAttachment } from './attachment.ts'
import type { AttachmentCache } from './cache.ts'
import type { CacheEntry } from './cache-entry.ts'
import { runtimeError } from './errors.ts'
import type { NetworkList } from './network-list.ts'
import type { JsonObject } from './outside-json.ts'
import { collectFailure, PluginChain, type PluginChainOptions, type PluginVersions } from './plugin-chain.ts'

export interface CniRuntimeOptions extends PluginChainOptions {
  readonly cache: AttachmentCache
}

/**
 * What a container runtime does about networks: calls plugins and keeps, where libcni does, what it has to tell them
 * later.
 *
 * Calls for one container must follow one another, and GC must be alone: that is the caller's affair.
 */
export class CniRuntime {
  private readonly cache: AttachmentCache
  private readonly chain: PluginChain

  constructor({ cache, ...options }: CniRuntimeOptions) {
    this.cache = cache
    this.chain = new PluginChain(options)
  }

  /**
   * ADD. @returns the last result, which is also kept. If it fails, what the plugins before made stays: `del` takes it
   * away.
   *
   * Throws `cni.runtime.attached` before any plugin is called if a result is kept already: the specification forbids
   * a second ADD, and plugins that are asked for one all the same fail in ways that invite a DEL.
   */
  async add(list: NetworkList, attachment: Attachment): Promise<JsonObject> {
    checkAttachment(attachment)
    if (this.kept(list, attachment) !== undefined) throw attachedAlready(list, attachment)
    const result = await this.chain.add(list, attachment)
    this.cache.write({ network: list.name, attachment, config: list.bytes, result })
    return result
  }

  /**
   * CHECK. @returns false if the list has it disabled. Throws `cni.incompatible-version` (1) below 0.4.0,
   * `cni.runtime.not-attached` if no result is kept.
   */
  async check(list: NetworkList, attachment: Attachment): Promise<boolean> {
    checkAttachment(attachment)
    requireVerb('CHECK', list.cniVersion)
    if (list.disableCheck) return false
    const entry = this.cache.read(list.name, attachment)
    if (entry?.result === undefined) throw notAttached(list, attachment)
    const prevResult = resultOfVersion(entry.result, list.cniVersion)
    await this.chain.check(list, { ...entry.attachment, ...attachment }, prevResult)
    return true
  }

  /**
   * DEL. What the caller does not say (namespace, arguments) is taken from what was kept; a kept result that cannot be
   * read is as good as none.
   */
  async del(list: NetworkList, attachment: Attachment): Promise<void> {
    checkAttachment(attachment)
    const entry = this.kept(list, attachment)
    await this.chain.del(list, { ...entry?.attachment, ...attachment }, usableResult(entry, list.cniVersion))
    if (entry !== undefined) this.cache.remove(list.name, attachment)
  }

  /**
   * DEL of every kept attachment that is not in `valid`, then GC, so that the plugins find what nothing was kept of.
   * Goes on after errors. @returns what was deleted; undefined if the list has GC disabled. Throws `cni.runtime.gc` with
   * all that failed.
   */
  async gc(list: NetworkList, valid: readonly AttachmentId[]): Promise<readonly AttachmentId[] | undefined> {
    if (list.disableGc) return undefined
    const failures: string[] = []
    const deleted: AttachmentId[] = []
    for (const { attachment } of this.cache.list(list.name)) {
      const { containerId, ifName } = attachment
      if (valid.some(one => one.containerId === containerId && one.ifName === ifName)) continue
      if (await collectFailure(failures, this.del(list, attachment))) deleted.push({ containerId, ifName })
    }
    failures.push(...(await this.chain.gc(list, valid)))
    if (failures.length > 0) throw uncollected(list, failures)
    return deleted
  }

  /** STATUS, up to the first plugin that is not ready. @returns false below 1.1.0, which has none. */
  status(list: NetworkList): Promise<boolean> {
    return this.chain.status(list)
  }

  /** VERSION, of every plugin of the list. */
  versions(list: NetworkList): Promise<readonly PluginVersions[]> {
    return this.chain.versions(list)
  }

  private kept(list: NetworkList, attachment: Attachment): CacheEntry | undefined {
    try {
      return this.cache.read(list.name, attachment)
    } catch (error) {
      if (!hasCode(error, 'cni.runtime.cache')) throw error
      this.cache.remove(list.name, attachment)
      return undefined
    }
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

function attachedAlready({ name }: NetworkList, { containerId, ifName }: Attachment) {
  const message = `${ifName} of container ${containerId} is attached to network ${name} already: DEL it first`
  return runtimeError('ADD', message, { code: 'cni.runtime.attached', network: name })
}

function notAttached({ name }: NetworkList, { containerId, ifName }: Attachment) {
  const message = `nothing is known of ${ifName} of container ${containerId} in network ${name}: ADD it first`
  return runtimeError('CHECK', message, { code: 'cni.runtime.not-attached', network: name })
}

function uncollected({ name }: NetworkList, failures: readonly string[]) {
  const message = `of the garbage collection of network ${name}, ${failures.length} calls failed: ${failures.join('; ')}`
  return runtimeError('GC', message, { code: 'cni.runtime.gc', failures })
}
