import type { CniParameters, NetworkConfiguration } from '../cni/index.ts'
import type { Holder } from './addresses/source.ts'
import type { Execute } from './shim-connection.ts'

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

/** Addresses the runtime asked for: `runtimeConfig.ips`, then `args.cni.ips`, then `IP` in CNI_ARGS. */
export function requestedAddresses({ parameters, config }: Call): readonly string[] {
  const fromArgs = parameters.args.get('IP')
  const asked = config.runtimeConfig.ips ?? config.args.ips ?? (fromArgs === undefined ? [] : [fromArgs])
  return asked.map(text => text.split('/')[0] ?? text)
}
