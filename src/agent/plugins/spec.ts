import type { AttachmentSpec, RequestedMac } from '../../attach/index.ts'
import type { Lease } from '../addresses/source.ts'
import type { Call } from '../call.ts'
import type { PodNamespace } from '../pod-namespace.ts'

/** What of the host every attachment must know. */
export interface HostFacts {
  readonly nodeName: string
  readonly hasIpv6: boolean
  /** UDP ports at which the overlay's nodes take packets of each other. */
  readonly tunnelPorts: () => readonly number[]
}

/** The planner's input, from a call and what address management gave. */
export function attachmentSpec(call: Call, pod: PodNamespace, lease: Lease, host: HostFacts): AttachmentSpec {
  const { parameters, config } = call
  return {
    network: config.name,
    containerId: parameters.containerId,
    ifName: parameters.ifName,
    sandbox: parameters.netns ?? '',
    hostIdentity: host.nodeName,
    ips: lease.ips,
    routes: lease.routes,
    dns: lease.dns,
    podHasIpv6: pod.fds.ipv6 !== undefined,
    hostHasIpv6: host.hasIpv6,
    requestedMac: requestedMac(call),
    tunnelPorts: host.tunnelPorts(),
    ...(parameters.pod === undefined ? {} : { pod: parameters.pod }),
  }
}

export function requestedMac({ parameters, config }: Call): RequestedMac {
  const cniArgs = parameters.args.get('MAC')
  return {
    ...(config.runtimeConfig.mac === undefined ? {} : { runtimeConfig: config.runtimeConfig.mac }),
    ...(config.args.mac === undefined ? {} : { args: config.args.mac }),
    ...(cniArgs === undefined ? {} : { cniArgs }),
  }
}
