import { type BridgeConfig, type BridgeSpec, parseBridgeConfig } from '../../attach/index.ts'
import { cniError, type NetworkConfiguration } from '../../cni/index.ts'
import type { ObservedEntry } from '../../kernel/index.ts'
import type { HostLocalSource } from '../addresses/host-local.ts'
import type { Lease } from '../addresses/source.ts'
import type { Attached, AttachmentRecord } from '../attachments/record.ts'
import type { PodNamespace } from '../pod-namespace.ts'
import { keptByConfiguration } from '../recent-configurations.ts'
import { type Call, type Plugin, refuseLoopback, withAddresses } from './plugin.ts'
import { attachmentSpec, type HostFacts } from './spec.ts'

export interface BridgePluginOptions {
  readonly host: HostFacts
  /** Opens the address store that `ipam` of a configuration describes. */
  readonly hostLocal: (config: NetworkConfiguration) => HostLocalSource
  /** What the host's kernel holds now. */
  readonly observed: () => HostView
}

/** The mirror of the host's namespace, by key; `childrenOf` a link gives the keys of its addresses among others. */
export interface HostView {
  get(key: string): ObservedEntry | undefined
  childrenOf(key: string): Iterable<string>
}

/** The standard `bridge` plugin with `host-local` addresses, or none for a layer 2 attachment. */
export function bridgePlugin(options: BridgePluginOptions): Plugin {
  const read = keptByConfiguration(({ raw }) => parseBridgeConfig(raw))
  return {
    usesBlocks: false,
    isChained: false,
    prepare: async (call, pod, begin) => prepareBridge(options, call, pod, read(call.config), begin),
    addresses: config => hostLocalOf(options, config),
  }
}

/** Also what `flannel` comes to, once it has written the configuration. */
export async function prepareBridge(
  options: BridgePluginOptions,
  call: Call,
  pod: PodNamespace,
  config: BridgeConfig,
  begin: (attached: Attached) => void,
): Promise<Attached> {
  refuseLoopback(call)
  const source = hostLocalOf(options, call.config)
  const make = (lease: Lease): AttachmentRecord => ({
    type: 'bridge',
    netnsCookie: String(pod.cookie),
    wiring: {
      plan: 'bridge',
      spec: {
        ...attachmentSpec(call, pod, lease, options.host),
        config,
        ...bridgeNow(config.bridge, options.observed()),
      },
    },
    ...(source === undefined ? {} : { addresses: source.record }),
  })
  return withAddresses(call, source, make, begin)
}

export function hostLocalOf({ hostLocal }: BridgePluginOptions, config: NetworkConfiguration) {
  if (config.ipam === undefined) return undefined
  if (config.ipam.type === 'host-local') return hostLocal(config)
  throw cniError(
    'unsupported-field',
    `read network ${config.name}`,
    `ipam type ${config.ipam.type} is not done here: use host-local, or leave ipam out for a layer 2 attachment`,
  )
}

/** `cni0` is the name everybody gives the bridge he makes; any other bridge that is there is its owner's. */
const COMMON_NAME = 'cni0'

function bridgeNow(bridge: string, host: HostView): Pick<BridgeSpec, 'bridgeClaim' | 'bridgeAddresses'> {
  const key = `link ${bridge}`
  const foreign = host.get(key)?.mark === 'foreign'
  const addresses: string[] = []
  for (const child of host.childrenOf(key)) {
    const seen = host.get(child)
    if (seen?.entry.kind === 'address' && seen.mark === 'foreign') addresses.push(seen.entry.address)
  }
  return { bridgeClaim: foreign && bridge !== COMMON_NAME ? 'use' : 'own', bridgeAddresses: addresses }
}
