import { expectSuccess } from './expect.ts'
import type { CniResult, PluginReply, Verb } from './plugin-reply.ts'
import type { Pod } from './pod.ts'

export interface PluginConfig {
  readonly type: string
  readonly capabilities?: Readonly<Record<string, boolean>>
  readonly [key: string]: unknown
}

/** A network configuration list (SPEC 1.1.0 section 1). */
export interface Network {
  readonly name: string
  readonly cniVersion: string
  readonly plugins: readonly PluginConfig[]
}

/** What a runtime says of one interface of one container. */
export interface AttachmentOptions {
  readonly pod: Pod
  readonly containerId: string
  readonly ifname: string
  /** CNI_ARGS, without it if absent. */
  readonly args?: string
  /** Of each key only plugins that declare the capability are told (SPEC 1.1.0 section 3). */
  readonly capabilityArgs?: Readonly<Record<string, unknown>>
}

export interface PluginCall {
  readonly verb: Verb
  readonly type: string
  /** An object is printed as JSON; anything else goes to standard input as it is. */
  readonly config: object | string | Uint8Array
  /** CNI_ variables besides CNI_COMMAND and CNI_PATH; undefined takes one away. */
  readonly env?: Readonly<Record<string, string | undefined>>
  /** Kill the plugin (SIGKILL) after so many milliseconds. */
  readonly killAfterMs?: number
}

export type CallPlugin = (call: PluginCall) => Promise<PluginReply>

/** The configuration that one plugin of a list is given (SPEC 1.1.0 section 3, "Deriving"). */
export function deriveConfig(
  network: Network,
  plugin: PluginConfig,
  extra: { readonly prevResult?: unknown; readonly capabilityArgs?: Readonly<Record<string, unknown>> } = {},
): Record<string, unknown> {
  const { name, cniVersion } = network
  const declared = Object.entries(extra.capabilityArgs ?? {}).filter(([key]) => plugin.capabilities?.[key])
  return {
    ...plugin,
    name,
    cniVersion,
    ...(declared.length === 0 ? {} : { runtimeConfig: Object.fromEntries(declared) }),
    ...(extra.prevResult === undefined ? {} : { prevResult: extra.prevResult }),
  }
}

/** One interface of one container on one network, and the calls that a runtime makes for it. */
export class Attachment {
  readonly network: Network
  readonly options: AttachmentOptions
  /** What ADD answered; also what an earlier plugin of a chain answered before a later one failed. */
  lastResult: CniResult | undefined
  /** ADD went through the whole list. */
  added = false
  /** DEL went through. */
  deleted = false
  private readonly callPlugin: CallPlugin

  constructor(network: Network, options: AttachmentOptions, callPlugin: CallPlugin) {
    this.network = network
    this.options = options
    this.callPlugin = callPlugin
  }

  get pod(): Pod {
    return this.options.pod
  }

  get result(): CniResult {
    if (this.lastResult === undefined) throw new TypeError('the attachment has no result: it was not added')
    return this.lastResult
  }

  /** Addresses of the result, without prefix length. */
  get addresses(): string[] {
    return this.lastResult?.ips.map(({ address }) => address.replace(/\/\d+$/, '')) ?? []
  }

  /** The first address. */
  get address(): string {
    return this.addresses[0] ?? ''
  }

  /** ADD through the list; the last plugin's answer, or the first failure. */
  async add(killAfterMs?: number): Promise<PluginReply> {
    let reply: PluginReply | undefined
    let prevResult: unknown
    this.deleted = false
    for (const plugin of this.network.plugins) {
      reply = await this.call('ADD', plugin, prevResult, killAfterMs)
      if (!reply.succeeded) return reply
      this.lastResult = reply.result()
      prevResult = reply.json()
    }
    this.added = true
    return lastOf(reply)
  }

  /** CHECK through the list; the first failure. */
  async check(): Promise<PluginReply> {
    let reply: PluginReply | undefined
    for (const plugin of this.network.plugins) {
      reply = await this.call('CHECK', plugin, this.lastResult)
      if (!reply.succeeded) return reply
    }
    return lastOf(reply)
  }

  /** DEL through the list, backwards; goes on after a failure, and returns the first one. */
  async del(killAfterMs?: number): Promise<PluginReply> {
    const replies: PluginReply[] = []
    for (const plugin of this.network.plugins.toReversed())
      replies.push(await this.call('DEL', plugin, this.lastResult, killAfterMs))
    const failure = replies.find(({ succeeded }) => !succeeded)
    this.deleted = failure === undefined
    return failure ?? lastOf(replies.at(-1))
  }

  /** ADD that must succeed. */
  async mustAdd(): Promise<CniResult> {
    expectSuccess(await this.add())
    return this.result
  }

  async mustCheck(): Promise<void> {
    expectSuccess(await this.check())
  }

  async mustDel(): Promise<void> {
    expectSuccess(await this.del())
  }

  /** As a runtime whose cache is lost: from here on calls bear no prevResult. */
  forgetResult(): void {
    this.lastResult = undefined
  }

  private call(verb: Verb, plugin: PluginConfig, prevResult: unknown, killAfterMs?: number) {
    const { capabilityArgs, pod, containerId, ifname, args } = this.options
    const config = deriveConfig(this.network, plugin, {
      prevResult,
      ...(capabilityArgs === undefined ? {} : { capabilityArgs }),
    })
    return this.callPlugin({
      verb,
      type: plugin.type,
      config,
      env: { CNI_CONTAINERID: containerId, CNI_NETNS: pod.path, CNI_IFNAME: ifname, CNI_ARGS: args },
      ...(killAfterMs === undefined ? {} : { killAfterMs }),
    })
  }
}

function lastOf(reply: PluginReply | undefined): PluginReply {
  if (reply === undefined) throw new TypeError('a network without plugins')
  return reply
}
