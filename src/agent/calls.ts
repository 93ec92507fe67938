import {
  type CniParameters,
  type CniRequest,
  cniError,
  formatResult,
  type NetworkConfiguration,
  parseParameters,
  requireVerb,
  versionReply,
} from '../cni/index.ts'
import { type AddressSource, holderKey } from './addresses/source.ts'
import type { Attachments } from './attachments/attachments.ts'
import type { CallOutcome } from './cni-server.ts'
import { type Call, holderOf, type Plugin, requestedAddresses } from './plugins/plugin.ts'
import type { PodNamespace } from './pod-namespace.ts'
import { RecentConfigurations } from './recent-configurations.ts'

export interface CallsOptions {
  readonly attachments: Pick<Attachments, 'add' | 'remove' | 'check' | 'collect'>
  /** By the name the shim was called with. */
  readonly plugins: ReadonlyMap<string, Plugin>
  /** `host-local` called as an IPAM plugin of its own, by somebody else's main plugin. */
  readonly hostLocal: (config: NetworkConfiguration) => AddressSource
  /** Why no pod can be attached now, in words; undefined if one can. */
  readonly notReady: () => string | undefined
  /** Names the node's blocks. */
  readonly blocks: () => string
}

/** Carries out the verbs of the CNI protocol (SPEC.md 1.1.0, section 2). */
export class Calls {
  private readonly options: CallsOptions
  private readonly configurations = new RecentConfigurations()

  constructor(options: CallsOptions) {
    this.options = options
  }

  /** Throws errors that `cniErrorReply` turns into what the runtime gets. */
  async handle(request: CniRequest, pod: PodNamespace | undefined): Promise<CallOutcome> {
    const parameters = parseParameters(request.environment)
    if (parameters.command === 'VERSION') return { output: versionReply() }
    const config = this.configurations.read(request.stdin)
    requireVerb(parameters.command, config.cniVersion)
    const call = { parameters, config }
    if (request.type === 'host-local') return this.addressCall(call)
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
    const { parameters, config } = call
    switch (parameters.command) {
      case 'ADD':
        return this.add(call, plugin, needPod(parameters, request, pod))
      case 'CHECK':
        return this.check(call, needPod(parameters, request, pod))
      case 'DEL':
        await this.remove(call, plugin)
        return {}
      case 'GC':
        await this.collect(config, plugin.addresses(config))
        return {}
      default:
        return this.status(plugin.addresses(config))
    }
  }

  private async add(call: Call, plugin: Plugin, pod: PodNamespace): Promise<CallOutcome> {
    const { attachments, notReady, blocks } = this.options
    const holder = holderOf(call)
    let from = ''
    const result = await attachments.add(holder, pod, async begin => {
      // Asked when it is this interface's turn: the node may have lost its block while the call waited.
      const reason = notReady()
      if (reason !== undefined) throw cniError('try-again-later', 'attach', reason)
      from = blocks()
      return plugin.prepare(call, pod, begin)
    })
    const undo = () => attachments.remove(holder, call.config.name)
    // And again: a pod must not begin with an address that the node lost while it was wired.
    const reason = notReady() ?? (blocks() === from ? undefined : "the node's blocks changed meanwhile")
    if (reason === undefined) return { output: formatResult(result, call.config.cniVersion), undo }
    await undo()
    throw cniError('try-again-later', 'attach', reason)
  }

  private async check(call: Call, pod: PodNamespace): Promise<CallOutcome> {
    const faults = await this.options.attachments.check(holderOf(call), pod)
    if (faults.length === 0) return {}
    throw cniError('not-as-added', 'check', `the attachment is not as it was made: ${faults.join('; ')}`)
  }

  /** Works from the journal; without a record (an older runtime's, a second DEL) it only gives addresses back. */
  private async remove(call: Call, plugin: Plugin): Promise<void> {
    const holder = holderOf(call)
    await this.options.attachments.remove(holder, call.config.name, async () => {
      await plugin.addresses(call.config)?.release(holder)
    })
  }

  private async collect(config: NetworkConfiguration, addresses: AddressSource | undefined): Promise<void> {
    const keep = validKeys(config)
    await this.options.attachments.collect(config.name, keep)
    await addresses?.collect(keep)
  }

  private status(addresses: AddressSource | undefined): CallOutcome {
    const reason = this.options.notReady() ?? addresses?.fault()
    if (reason !== undefined) throw cniError('unavailable', 'status', reason)
    return {}
  }

  private async addressCall(call: Call): Promise<CallOutcome> {
    const { parameters, config } = call
    const source = this.options.hostLocal(config)
    const holder = holderOf(call)
    switch (parameters.command) {
      case 'ADD': {
        const lease = await source.allocate(holder, requestedAddresses(call), taken => taken)
        return {
          output: formatResult({ interfaces: [], ...lease }, config.cniVersion),
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
        await source.collect(validKeys(config))
        return {}
      default:
        return this.status(source)
    }
  }
}

function validKeys({ name, validAttachments }: NetworkConfiguration): ReadonlySet<string> {
  if (validAttachments === undefined) {
    throw cniError(
      'invalid-configuration',
      `collect garbage of ${name}`,
      'GC needs cni.dev/valid-attachments',
    )
  }
  return new Set(validAttachments.map(holderKey))
}

function needPod(
  parameters: CniParameters,
  request: CniRequest,
  pod: PodNamespace | undefined,
): PodNamespace {
  if (pod !== undefined) return pod
  throw cniError(
    'invalid-netns',
    parameters.command,
    `the network namespace ${parameters.netns ?? ''} cannot be opened: ${request.netnsError ?? 'no descriptor came'}`,
  )
}

function unknownType(type: string, plugins: ReadonlyMap<string, Plugin>): Error {
  const known = [...plugins.keys(), 'host-local'].join(', ')
  return cniError(
    'invalid-configuration',
    'find the plugin',
    `this agent has no plugin ${type}; it has ${known}`,
  )
}
