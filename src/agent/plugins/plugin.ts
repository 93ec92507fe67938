import { cniError } from '../../cni/index.ts'
import type { AddressSource } from '../addresses/source.ts'
import type { Attached, Prepared } from '../attachments/record.ts'
import type { Call } from '../call.ts'
import type { ForeignPlugin } from '../foreign-plugin.ts'
import type { PodNamespace } from '../pod-namespace.ts'

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
  prepare(call: Call, pod: PodNamespace, begin: (attached: Attached) => void): Promise<Prepared>
  /** Where this call's addresses come from; undefined for none, or for those of a plugin of somebody else. */
  addresses(call: Call): AddressSource | undefined
  /** The plugin of somebody else that manages them, or makes the whole interface. */
  delegated(call: Call): ForeignPlugin | undefined
}

/** Where an attachment is to be made, and on whose behalf. */
export interface Place {
  readonly call: Call
  readonly pod: PodNamespace
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
