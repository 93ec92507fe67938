import type { Lease } from '../addresses/source.ts'
import { chainedRecord } from './chained.ts'
import { attach } from './interface.ts'
import type { Plugin } from './plugin.ts'
import { attachmentSpec, type HostFacts } from './spec.ts'

/** The standard `loopback` plugin: the pod's `lo`, up. */
export function loopbackPlugin(host: HostFacts): Plugin {
  return {
    usesBlocks: false,
    // Like those it adds to a pod that is there, and has no interface of the name it is called with.
    isChained: true,
    prepare: async (call, pod, begin) => {
      const { config } = call
      const prevResult = config.prevResult === undefined ? {} : { prevResult: config.prevResult }
      const make = (noLease: Lease) =>
        chainedRecord(
          { call, pod },
          { plan: 'loopback', spec: { ...attachmentSpec(call, pod, noLease, host), ...prevResult } },
        )
      return attach({ call, source: undefined, make, begin })
    },
    addresses: () => undefined,
    delegated: () => undefined,
  }
}
