import type { AttachmentSpec } from '../../attach/index.ts'
import { NOTHING_ASIDE } from '../../base/index.ts'
import type { NetworkConfiguration } from '../../cni/index.ts'
import type { DelegatedAddresses } from '../addresses/delegated.ts'
import type { Ipam } from '../addresses/ipam.ts'
import { type AddressSource, type Lease, NO_LEASE } from '../addresses/source.ts'
import {
  type Attached,
  type AttachmentRecord,
  type Prepared,
  planRecord,
  type Wiring,
} from '../attachments/record.ts'
import { addressRequest, type Call, holderOf } from '../call.ts'
import { keptByConfiguration } from '../recent-configurations.ts'
import type { HostView } from './host-view.ts'
import { type Place, type Plugin, refuseLoopback } from './plugin.ts'
import { attachmentSpec, type HostFacts } from './spec.ts'

/** What every plugin that makes an interface needs of the agent. */
export interface InterfaceCommon {
  readonly host: HostFacts
  readonly ipam: Ipam
  /** What the host's kernel holds, when all that was done is known. */
  readonly observed: () => Promise<HostView>
}

export interface InterfacePluginOptions<Config, Facts> extends InterfaceCommon {
  /** Reads the keys of this plugin; throws for what is not valid. */
  readonly parse: (raw: NetworkConfiguration['raw']) => Config
  /** What has to be looked up before it can be planned. */
  readonly facts: (config: Config, at: Place) => Facts | Promise<Facts>
  readonly wiring: (spec: AttachmentSpec, config: Config, facts: Facts) => Wiring
}

/** A standard plugin that makes CNI_IFNAME, with the addresses that `ipam` of its configuration gives. */
export function interfacePlugin<Config, Facts = undefined>(
  options: InterfacePluginOptions<Config, Facts>,
): Plugin {
  const { host, ipam } = options
  const read = keptByConfiguration(({ raw }) => options.parse(raw))
  return {
    usesBlocks: false,
    isChained: false,
    prepare: async (call, pod, begin) => {
      refuseLoopback(call)
      const config = read(call.config)
      const facts = await options.facts(config, { call, pod })
      const source = ipam.source(call)
      const make = (lease: Lease): AttachmentRecord => ({
        type: call.type,
        netnsCookie: String(pod.cookie),
        wiring: options.wiring(attachmentSpec(call, pod, lease, host), config, facts),
        ...(source?.record === undefined ? {} : { addresses: source.record }),
      })
      return attach({ call, source, delegated: ipam.delegated(call), make, begin })
    },
    addresses: call => ipam.source(call),
    delegated: call => ipam.delegated(call),
  }
}

interface Attaching {
  readonly call: Call
  readonly source: AddressSource | undefined
  readonly delegated?: Pick<DelegatedAddresses, 'lease' | 'release'> | undefined
  readonly make: (lease: Lease) => AttachmentRecord
  readonly begin: (attached: Attached) => void
}

/** Takes addresses, makes and plans the record with them; takes none if that fails. */
export function attach({ call, source, delegated, make, begin }: Attaching): Promise<Prepared> | Prepared {
  const plan = (lease: Lease): Attached => {
    const record = make(lease)
    return { record, plan: planRecord(record) }
  }
  const use = (lease: Lease): Attached => {
    const attached = plan(lease)
    begin(attached)
    return attached
  }
  if (source !== undefined) return source.allocate(holderOf(call), addressRequest(call), use)
  const attached = use(NO_LEASE)
  // A plugin such as `dhcp` asks through the interface, so that this must be there first.
  if (delegated === undefined) return { result: attached, kept: NOTHING_ASIDE }
  const later = { get: async () => plan(await delegated.lease()), giveBack: () => delegated.release() }
  return { result: { ...attached, later }, kept: NOTHING_ASIDE }
}
