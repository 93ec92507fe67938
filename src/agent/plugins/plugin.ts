import { type CniParameters, cniError, type NetworkConfiguration } from '../../cni/index.ts'
import { type AddressSource, type Holder, type Lease, NO_LEASE } from '../addresses/source.ts'
import { type Attached, type AttachmentRecord, planRecord } from '../attachments/record.ts'
import type { PodNamespace } from '../pod-namespace.ts'

/** One call for one attachment, validated. */
export interface Call {
  /** The plugin's name: the one its binary was started under. */
  readonly type: string
  readonly parameters: CniParameters
  readonly config: NetworkConfiguration
}

/**
 * A plugin type: says what an ADD needs. It takes addresses and touches no kernel; wiring, journal and undoing are
 * the same for all types.
 */
export interface Plugin {
  /** Its addresses are of the node's blocks: nothing is attached while these are not surely the node's. */
  readonly usesBlocks: boolean
  /** Works on an interface that another plugin of the chain made, instead of making CNI_IFNAME. */
  readonly isChained: boolean
  /**
   * Throws what the runtime is to be told; what it took by then it has given back.
   *
   * @param begin called with what is going to be returned, when the addresses are chosen and none of them is on disk
   */
  prepare(call: Call, pod: PodNamespace, begin: (attached: Attached) => void): Promise<Attached>
  /** Where this configuration's addresses come from; undefined for none. */
  addresses(config: NetworkConfiguration): AddressSource | undefined
}

export function holderOf({ parameters }: Call): Holder {
  return { containerId: parameters.containerId, ifName: parameters.ifName }
}

/** `lo` is in every namespace already. @throws `cni.invalid-environment` (4) */
export function refuseLoopback({ parameters, config }: Call): void {
  if (parameters.ifName !== 'lo') return
  throw cniError(
    'invalid-environment',
    'attach',
    `CNI_IFNAME is lo, which every pod has already: type ${config.type} needs another name, such as eth0`,
  )
}

/** Takes addresses, makes and plans the record with them; takes none if that fails. */
export async function withAddresses(
  call: Call,
  source: AddressSource | undefined,
  make: (lease: Lease) => AttachmentRecord,
  begin: (attached: Attached) => void,
): Promise<Attached> {
  const use = (lease: Lease): Attached => {
    const record = make(lease)
    const attached = { record, plan: planRecord(record) }
    begin(attached)
    return attached
  }
  if (source === undefined) return use(NO_LEASE)
  return source.allocate(holderOf(call), requestedAddresses(call), use)
}

/** Addresses the runtime asked for: `runtimeConfig.ips`, then `args.cni.ips`, then `IP` in CNI_ARGS. */
export function requestedAddresses({ parameters, config }: Call): readonly string[] {
  const fromArgs = parameters.args.get('IP')
  const asked = config.runtimeConfig.ips ?? config.args.ips ?? (fromArgs === undefined ? [] : [fromArgs])
  return asked.map(text => text.split('/')[0] ?? text)
}
