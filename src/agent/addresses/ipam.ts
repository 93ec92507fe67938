import { parseStaticConfig, staticAddresses } from '../../attach/index.ts'
import { NOTHING_ASIDE } from '../../base/index.ts'
import { isAtLeast, type NetworkConfiguration } from '../../cni/index.ts'
import type { Call } from '../call.ts'
import { DelegatedAddresses } from './delegated.ts'
import type { HostLocalSource } from './host-local.ts'
import type { AddressSource } from './source.ts'

/** Address management as the `ipam` of a configuration names it. */
export class Ipam {
  private readonly hostLocal: (config: NetworkConfiguration) => HostLocalSource

  /** @param hostLocal the store of `host-local` that a configuration describes */
  constructor(hostLocal: (config: NetworkConfiguration) => HostLocalSource) {
    this.hostLocal = hostLocal
  }

  /** What is done here; undefined if the configuration has no `ipam`, or one of somebody else. */
  source(call: Call): (AddressSource & Partial<Pick<HostLocalSource, 'record'>>) | undefined {
    switch (call.config.ipam?.type) {
      case 'host-local':
        return this.hostLocal(call.config)
      case 'static':
        return staticSource(call)
      default:
        return undefined
    }
  }

  /** What a plugin of somebody else does. */
  delegated({ config, execute }: Call): DelegatedAddresses | undefined {
    const type = config.ipam?.type
    if (type === undefined || type === 'host-local' || type === 'static') return undefined
    return new DelegatedAddresses(type, config, execute)
  }
}

/** Addresses that the configuration or the runtime names: nothing is taken, and nothing has to be given back. */
function staticSource({ parameters, config }: Call): AddressSource {
  const [ip, gateway] = [parameters.args.get('IP'), parameters.args.get('GATEWAY')]
  const cniArgs = { ...(ip === undefined ? {} : { ip }), ...(gateway === undefined ? {} : { gateway }) }
  const given = () =>
    staticAddresses(parseStaticConfig(config.ipam?.raw ?? {}), {
      runtimeConfig: config.runtimeConfig.ips ?? [],
      args: config.args.ips ?? [],
      cniArgs,
      onePerFamily: !isAtLeast(config.cniVersion, '0.3.0'),
    })
  return {
    allocate: async (_holder, _request, use) => ({ result: use(given()), kept: NOTHING_ASIDE }),
    release: async () => {},
    holds: async () => true,
    collect: async () => {},
    fault: async () => void given(),
  }
}
