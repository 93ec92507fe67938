import type { AttachmentSpec } from '../../attach/index.ts'
import type { Lease } from '../addresses/source.ts'
import type { Call } from '../call.ts'
import type { PodNamespace } from '../pod-namespace.ts'

/** What of the host every attachment must know. */
export interface HostFacts {
  readonly nodeName: string
  readonly hasIpv6: boolean
}

/** The planner's input, from a call and what address management gave. */
export function attachmentSpec(call: Call, pod: PodNamespace, lease: Lease, host: HostFacts): AttachmentSpec {
  const { parameters, config } = call
  const cniArgsMac = parameters.args.get('MAC')
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
    requestedMac: {
      ...(config.runtimeConfig.mac === undefined ? {} : { runtimeConfig: config.runtimeConfig.mac }),
      ...(config.args.mac === undefined ? {} : { args: config.args.mac }),
      ...(cniArgsMac === undefined ? {} : { cniArgs: cniArgsMac }),
    },
    ...(parameters.pod === undefined ? {} : { pod: parameters.pod }),
  }
}
