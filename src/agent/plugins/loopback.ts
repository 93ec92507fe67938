import { cniError } from '../../cni/index.ts'
import { NO_LEASE } from '../addresses/source.ts'
import { type AttachmentRecord, planRecord } from '../attachments/record.ts'
import type { Plugin } from './plugin.ts'
import { attachmentSpec, type HostFacts } from './spec.ts'

/** The standard `loopback` plugin: the pod's `lo`, up. */
export function loopbackPlugin(host: HostFacts): Plugin {
  return {
    prepare: async (call, pod) => {
      const { parameters, config } = call
      if (parameters.ifName !== 'lo') {
        throw cniError(
          'invalid-environment',
          'attach',
          `type loopback wires lo only, CNI_IFNAME is ${parameters.ifName}`,
        )
      }
      const spec = attachmentSpec(call, pod, NO_LEASE, host)
      const prevResult = config.prevResult === undefined ? {} : { prevResult: config.prevResult }
      const record: AttachmentRecord = {
        type: 'loopback',
        netnsCookie: String(pod.cookie),
        wiring: { plan: 'loopback', spec, ...prevResult },
      }
      return { record, plan: planRecord(record) }
    },
    addresses: () => undefined,
  }
}
