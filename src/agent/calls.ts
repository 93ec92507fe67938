import { finished } from '../base/index.ts'
import {
  type CniRequest,
  cniError,
  formatResult,
  parseParameters,
  requireValidAttachments,
  requireVerb,
  versionReply,
} from '../cni/index.ts'
import { type CallOutcome, type Execute, needNamespace } from '../daemon/index.ts'
import type { Ipam } from './addresses/ipam.ts'
import { holderKey } from './addresses/source.ts'
import type { Attachments } from './attachments/attachments.ts'
import type { AttachmentName } from './attachments/places.ts'
import { addressRequest, type Call, holderOf } from './call.ts'
import { configurationDigest } from './configuration-digest.ts'
import type { Plugin } from './plugins/plugin.ts'
import type { PodNamespace } from './pod-namespace.ts'
import { RecentConfigurations } from './recent-configurations.ts'

/** The blocks of pod addresses that this node has. */
export interface Blocks {
  /** Why none of their addresses can be given to a pod now, in words; undefined if they can. */
  lacks(): string | undefined
  /** Names them; another text, other blocks. */
  names(): string
}

export interface CallsOptions {
  readonly attachments: Pick<Attachments, 'add' | 'remove' | 'check' | 'collect'>
  /** By the name the shim was called with. */
  readonly plugins: ReadonlyMap<string, Plugin>
  readonly ipam: Ipam
  readonly blocks: Blocks
}

/** Carries out the verbs of the CNI protocol (SPEC.md 1.1.0, section 2). */
export class Calls {
  private readonly options: CallsOptions
  private readonly configurations = new RecentConfigurations()

  constructor(options: CallsOptions) {
    this.options = options
  }

  /** Throws errors that `cniErrorReply` turns into what the runtime gets. */
  async handle(request: CniRequest, pod: PodNamespace | undefined, execute?: Execute): Promise<CallOutcome> {
    const parameters = parseParameters(request.environment)
    if (parameters.command === 'VERSION') return { output: versionReply() }
    const config = this.configurations.read(request.stdin)
    requireVerb(parameters.command, config.cniVersion)
    const call = { type: request.type, parameters, config, execute: execute && onBehalfOf(request, execute) }
    if (ADDRESS_TYPES.has(request.type)) return this.addressCall(call)
    const plugin = this.options.plugins.get(request.type)
    if (plugin === undefined) throw unknownType(request.type, this.options.plugins)
    return this.interfaceCall(call, plugin, request, pod)
  }

  private async interfaceCall(
    call: Call,
    plugin: Plugin,
    request: CniRequest,
    pod: PodNamespace | undefined,
  ): Promise<CallOutcome> {
    const { parameters } = call
    const { blocks } = this.options
    switch (parameters.command) {
      case 'ADD':
        return this.add(call, plugin, needNamespace(parameters, request, pod))
      case 'CHECK':
        return this.check(call, plugin, needNamespace(parameters, request, pod))
      case 'DEL':
        await this.remove(call, plugin, pod)
        return {}
      case 'GC':
        await this.collect(call, plugin)
        return {}
      default:
        await plugin.delegated(call)?.status()
        return status(
          (plugin.usesBlocks ? blocks.lacks() : undefined) ?? (await plugin.addresses(call)?.fault()),
        )
    }
  }

  private async add(call: Call, plugin: Plugin, pod: PodNamespace): Promise<CallOutcome> {
    const { attachments } = this.options
    const blocks = plugin.usesBlocks ? this.options.blocks : NO_BLOCKS
    const name = attachmentName(call, plugin)
    let from = ''
    const result = await attachments.add(name, pod, async begin => {
      // Asked when it is this interface's turn: the node may have lost its block while the call waited.
      const reason = blocks.lacks()
      if (reason !== undefined) throw cniError('try-again-later', 'attach', reason)
      from = blocks.names()
      return plugin.prepare(call, pod, begin)
    })
    // And again: a pod must not begin with an address that the node lost while it was wired.
    const reason =
      blocks.lacks() ?? (blocks.names() === from ? undefined : "the node's blocks changed meanwhile")
    if (reason === undefined) {
      // Of what we made alone: the shim that would run a plugin of somebody else is gone then, and DEL follows.
      const undo = () => attachments.remove(name, pod)
      return { output: formatResult(result, call.config.cniVersion), undo }
    }
    // What that says would hide the reason. The record stays then, and DEL does the same once more.
    await this.remove(call, plugin, pod).catch(() => undefined)
    throw cniError('try-again-later', 'attach', reason)
  }

  private async check(call: Call, plugin: Plugin, pod: PodNamespace): Promise<CallOutcome> {
    await plugin.delegated(call)?.check()
    const faults = await this.options.attachments.check(attachmentName(call, plugin), pod)
    if (faults.length === 0) return {}
    throw cniError('not-as-added', 'check', `the attachment is not as it was made: ${faults.join('; ')}`)
  }

  /** Works from the journal; without a record (an older runtime's, a second DEL) it only gives addresses back. */
  private async remove(call: Call, plugin: Plugin, pod: PodNamespace | undefined): Promise<void> {
    const delegated = plugin.delegated(call)
    if (delegated?.releasesFirst === true) await delegated.release()
    await this.options.attachments.remove(attachmentName(call, plugin), pod, async () => {
      await plugin.addresses(call)?.release(holderOf(call))
    })
    if (delegated?.releasesFirst === false) await delegated.release()
  }

  private async collect(call: Call, plugin: Plugin): Promise<void> {
    const keep = requireValidAttachments(call.config)
    await this.options.attachments.collect(call.config.name, new Set(keep.map(holderKey)))
    await plugin.addresses(call)?.collect(keep)
    await plugin.delegated(call)?.collect()
  }

  private async addressCall(call: Call): Promise<CallOutcome> {
    const { parameters, config } = call
    const source = this.options.ipam.source(call)
    if (source === undefined) throw otherIpam(call)
    const holder = holderOf(call)
    switch (parameters.command) {
      case 'ADD': {
        const { result, kept } = await source.allocate(holder, addressRequest(call), taken => taken)
        await finished(kept)
        return {
          output: formatResult({ interfaces: [], ...result }, config.cniVersion),
          undo: () => source.release(holder),
        }
      }
      case 'DEL':
        await source.release(holder)
        return {}
      case 'CHECK':
        if (await source.holds(holder)) return {}
        throw cniError(
          'not-as-added',
          'check',
          `${holderKey(holder)} holds no address of network ${config.name}`,
        )
      case 'GC':
        await source.collect(requireValidAttachments(config))
        return {}
      default:
        return status(await source.fault())
    }
  }
}

/** The shim that is at hand may be that of another call: of its own variables none may be taken for this one's. */
function onBehalfOf({ environment }: CniRequest, execute: Execute): Execute {
  const empty = [['CNI_NETNS', ''] as const, ['CNI_ARGS', ''] as const]
  return order =>
    execute({ ...order, environment: new Map([...empty, ...environment, ...order.environment]) })
}

/** Address management plugins of our own, called by themselves: by a plugin of somebody else. */
const ADDRESS_TYPES: ReadonlySet<string> = new Set(['host-local', 'static'])

function otherIpam({ type, config }: Call): Error {
  const found = config.ipam === undefined ? 'has no ipam' : `has ipam type ${config.ipam.type}`
  return cniError(
    'invalid-configuration',
    `read network ${config.name}`,
    `plugin ${type} was called, and the configuration ${found}`,
  )
}

const NO_BLOCKS: Blocks = { lacks: () => undefined, names: () => '' }

function attachmentName(call: Call, { isChained }: Plugin): AttachmentName {
  return {
    holder: holderOf(call),
    network: call.config.name,
    ...(isChained ? { chained: { type: call.type, configuration: configurationDigest(call.config) } } : {}),
  }
}

function status(fault: string | undefined): CallOutcome {
  if (fault !== undefined) throw cniError('unavailable', 'status', fault)
  return {}
}

function unknownType(type: string, plugins: ReadonlyMap<string, Plugin>): Error {
  const known = [...plugins.keys(), ...ADDRESS_TYPES].join(', ')
  return cniError(
    'invalid-configuration',
    'find the plugin',
    `this agent has no plugin ${type}; it has ${known}`,
  )
}
