import type { CniParameters, NetworkConfiguration } from '../cni/index.ts'
import type { Execute } from '../daemon/index.ts'
import { formatAddress, parseAddress, parseInterfaceAddress } from '../ip/index.ts'
import type { AddressRequest, Holder } from './addresses/source.ts'

/** One call of a plugin, validated. */
export interface Call {
  /** The plugin's name: the one its binary was started under. */
  readonly type: string
  readonly parameters: CniParameters
  readonly config: NetworkConfiguration
  /** Absent if no shim waits for the answer. */
  readonly execute: Execute | undefined
}

export function holderOf({ parameters }: Call): Holder {
  return { containerId: parameters.containerId, ifName: parameters.ifName }
}

/**
 * What the runtime asked for: addresses of `runtimeConfig.ips`, `args.cni.ips` and `IP` in CNI_ARGS together, as
 * host-local takes them; with or without a prefix length. Throws `ip.malformed`.
 */
export function addressRequest({ parameters, config }: Call): AddressRequest {
  const fromArgs = parameters.args.get('IP')
  const asked = [
    ...(config.runtimeConfig.ips ?? []),
    ...(config.args.ips ?? []),
    ...(fromArgs === undefined ? [] : [fromArgs]),
  ]
  const { pod } = parameters
  return { addresses: [...new Set(asked.map(canonical))], ...(pod === undefined ? {} : { pod }) }
}

function canonical(text: string): string {
  return formatAddress(text.includes('/') ? parseInterfaceAddress(text).address : parseAddress(text))
}
