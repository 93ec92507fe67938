import {
  type CniParameters,
  type CniRequest,
  cniError,
  formatResult,
  type NetworkConfiguration,
  parseConfiguration,
  parseParameters,
  requireValidAttachments,
  requireVerb,
  versionReply,
} from '../cni/index.ts'
import { type CallOutcome, needNamespace } from '../daemon/index.ts'
import { clientSettings } from './client-options.ts'
import { leaseResult } from './lease.ts'
import type { Holder, Leases } from './leases.ts'
import { recordKey } from './record.ts'
import type { PodNamespace } from './site.ts'

/** The verbs of the plugin `dhcp` (CNI SPEC.md 1.1.0, section 2). */
export class DhcpCalls {
  private readonly leases: Leases

  constructor(leases: Leases) {
    this.leases = leases
  }

  /** Throws errors that `cniErrorReply` turns into what the runtime gets. */
  async handle(request: CniRequest, pod: PodNamespace | undefined): Promise<CallOutcome> {
    if (request.type !== 'dhcp') throw otherType(request.type)
    const parameters = parseParameters(request.environment)
    if (parameters.command === 'VERSION') return { output: versionReply() }
    const config = parseConfiguration(request.stdin)
    requireVerb(parameters.command, config.cniVersion)
    const { containerId, ifName } = parameters
    const holder = { containerId, ifName, network: config.name }
    switch (parameters.command) {
      case 'ADD':
        return this.add(holder, parameters, config, needNamespace(parameters, request, pod))
      case 'DEL':
        await this.leases.remove(holder)
        return {}
      case 'CHECK':
        this.check(holder, needNamespace(parameters, request, pod))
        return {}
      case 'GC':
        await this.collect(config)
        return {}
      default:
        this.status(config.name)
        return {}
    }
  }

  private async add(
    holder: Holder,
    parameters: CniParameters,
    config: NetworkConfiguration,
    pod: PodNamespace,
  ): Promise<CallOutcome> {
    const settings = clientSettings(config, parameters)
    const { lease, message } = await this.leases.add(holder, pod, parameters.netns ?? '', settings)
    const result = { interfaces: [], ...leaseResult(lease, message, settings.priority) }
    return {
      output: formatResult(result, config.cniVersion),
      undo: () => this.leases.remove(holder),
    }
  }

  private check(holder: Holder, pod: PodNamespace): void {
    const record = this.leases.get(holder)
    const refuse = (what: string) => cniError('not-as-added', 'check', `${recordKey(holder)} ${what}`)
    if (record === undefined) throw refuse('has no lease')
    if (record.place.cookie !== String(pod.cookie))
      throw refuse('has a lease for an interface of another network namespace')
    if (record.fault !== undefined)
      throw refuse(`has lost its lease of ${record.lease.address}: ${record.fault}`)
  }

  /** Pods whose leases are lost are what the specification calls limited connectivity. */
  private status(network: string): void {
    const lost = Array.from(this.leases.ofNetwork(network)).filter(({ fault }) => fault !== undefined)
    const [first] = lost
    if (first === undefined) return
    const message = `${lost.length} leases of network ${network} are lost, such as ${first.lease.address} of ${recordKey(first)}: ${first.fault}`
    throw cniError('unavailable-limited', 'status', message)
  }

  private async collect(config: NetworkConfiguration): Promise<void> {
    const keep = new Set(
      requireValidAttachments(config).map(id => recordKey({ ...id, network: config.name })),
    )
    const doomed = Array.from(this.leases.ofNetwork(config.name)).filter(
      record => !keep.has(recordKey(record)),
    )
    await Promise.all(doomed.map(record => this.leases.remove(record)))
  }
}

function otherType(type: string): Error {
  return cniError(
    'invalid-configuration',
    'find the plugin',
    `the DHCP daemon serves plugin dhcp alone, and was asked for ${type}`,
  )
}
