import type { ChainedSpec, CniResult } from '../../attach/index.ts'
import { cniError, type NetworkConfiguration } from '../../cni/index.ts'
import type { AttachmentRecord, Wiring } from '../attachments/record.ts'
import type { Call } from '../call.ts'
import { configurationDigest } from '../configuration-digest.ts'
import { attach } from './interface.ts'
import type { Place, Plugin } from './plugin.ts'
import type { HostFacts } from './spec.ts'

export interface ChainedPluginOptions<Config, Facts> {
  readonly host: HostFacts
  /** Reads the keys of this plugin; throws for what is not valid. */
  readonly parse: (raw: NetworkConfiguration['raw']) => Config
  /** What has to be looked up before it can be planned. */
  readonly facts: (spec: ChainedSpec, config: Config, at: Place) => Facts | Promise<Facts>
  /** Called in one step with the recording: nobody else records anything between. */
  readonly wiring: (spec: ChainedSpec, config: Config, facts: Facts) => Wiring
}

/** A standard plugin that works on the interface of plugins before it in a chain. */
export function chainedPlugin<Config, Facts = undefined>(
  options: ChainedPluginOptions<Config, Facts>,
): Plugin {
  return {
    usesBlocks: false,
    isChained: true,
    prepare: async (call, pod, begin) => {
      const spec = chainedSpec(call, options.host)
      // Not kept: the result that it works on is another one for each pod.
      const config = options.parse(call.config.raw)
      const facts = await options.facts(spec, config, { call, pod })
      const make = () => chainedRecord({ call, pod }, options.wiring(spec, config, facts))
      return attach({ call, source: undefined, make, begin })
    },
    addresses: () => undefined,
    delegated: () => undefined,
  }
}

export function chainedRecord({ call, pod }: Place, wiring: Wiring): AttachmentRecord {
  return {
    type: call.type,
    isChained: true,
    configuration: configurationDigest(call.config),
    netnsCookie: String(pod.cookie),
    wiring,
  }
}

function chainedSpec(call: Call, host: HostFacts): ChainedSpec {
  const { parameters, config } = call
  return {
    network: config.name,
    containerId: parameters.containerId,
    ifName: parameters.ifName,
    prevResult: needPrevious(call),
    hostHasIpv6: host.hasIpv6,
    ...(parameters.pod === undefined ? {} : { pod: parameters.pod }),
  }
}

function needPrevious({ type, config }: Call): CniResult {
  if (config.prevResult !== undefined) return config.prevResult
  throw cniError(
    'invalid-configuration',
    `read network ${config.name}`,
    `type ${type} works on the result of a plugin before it, and there is no prevResult: put it behind one that makes the interface`,
  )
}
