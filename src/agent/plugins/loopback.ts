import { cniError } from '../../cni/index.ts'
import type { Lease } from '../addresses/source.ts'
import type { AttachmentRecord } from '../attachments/record.ts'
import { attach } from './interface.ts'
import type { Plugin } from './plugin.ts'
import { attachmentSpec, type HostFacts } from './spec.ts'

/** The standard `loopback` plugin: the pod's `lo`, up. */
export function loopbackPlugin(host: HostFacts): Plugin {
  return {
    usesBlocks: false,
    isChained: false,
    prepare: async (call, pod, begin) => {
      const { parameters, config } = call
      if (parameters.ifName !== 'lo') {
        throw cniError(
          'invalid-environment',
          'attach',
          `type loopback wires lo only, CNI_IFNAME is ${parameters.ifName}`,
        )
      }
      const prevResult = config.prevResult === undefined ? {} : { prevResult: config.prevResult }
      const make = (noLease: Lease): AttachmentRecord => ({
        type: 'loopback',
        netnsCookie: String(pod.cookie),
        wiring: { plan: 'loopback', spec: { ...attachmentSpec(call, pod, noLease, host), ...prevResult } },
      })
      return attach({ call, source: undefined, make, begin })
    },
    addresses: () => undefined,
    delegated: () => undefined,
  }
}
