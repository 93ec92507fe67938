import type { Clock, Logger } from '../base/index.ts'
import type { FileLock, NewFile } from '../ipam/index.ts'
import type { Kernel, NamespaceHandle } from '../kernel/index.ts'
import type { NetworkConfig } from '../model/index.ts'
import type { Store } from '../store/index.ts'
import type { JournalDisk } from './journal/index.ts'
import type { EffectsWorld } from './network/effects.ts'
import type { WireguardKeys } from './network/wireguard-keys.ts'
import type { ProbeWorld } from './peers/peer-watch.ts'
import type { Hardware } from './plugins/host-devices.ts'

/** The world outside, as one agent may touch it. */
export interface AgentWorld extends EffectsWorld {
  readonly store: Store
  /** Why the store has no Node of this name, in words; by default, that its kubelet creates it. */
  readonly noNode?: () => string
  /** The node's own namespace; the agent is its only writer. */
  readonly kernel: Kernel
  /** The same namespace, for links of pods that are made of its devices. */
  readonly hostNamespace: NamespaceHandle
  readonly hasIpv6: boolean
  /** What backend wireguard takes; `kernel` asks it for the keys that entries name. */
  readonly wireguardKeys?: WireguardKeys
  readonly hardware: Hardware
  /** The pod network where it does not come from the store; then no block of it is claimed there either. */
  readonly networkConfig?: NetworkConfig
  /** Without it nobody asks whether peers can be reached. */
  readonly probes?: ProbeWorld
  readonly journal: JournalDisk
  /** Names the machine's life: a journal of another one speaks of namespaces that are gone. */
  readonly bootId: string
  readonly flock: FileLock
  readonly createFile: NewFile
  readonly readFile: (file: string) => string
  /** Puts a small file in place of an older one. */
  readonly writeFile: (file: string, text: string) => void
  readonly clock: Clock
  readonly random: () => number
  readonly log: Logger
  /** Called between the steps of ADD and DEL; tests die here. */
  readonly checkpoint?: (step: string) => void
}
