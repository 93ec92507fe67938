import type { Needs } from '../../case.ts'
import { hostLocal } from '../../configs.ts'
import { UPLINK } from '../../fake-host.ts'
import type { KernelFeature } from '../../kernel-features.ts'
import type { World } from '../../world.ts'

type Extra = Readonly<Record<string, unknown>>

/** Plugins that put an interface upon one of the host. */
export interface Subject {
  readonly type: 'macvlan' | 'ipvlan' | 'vlan'
  readonly kernel: KernelFeature
  /** The documentation bounds `mtu` by the master's. */
  readonly boundedMtu: boolean
  /** What the configuration must have besides `master`. */
  readonly keys: Extra
}

export const SUBJECTS: readonly Subject[] = [
  { type: 'macvlan', kernel: 'macvlan', boundedMtu: true, keys: {} },
  { type: 'ipvlan', kernel: 'ipvlan', boundedMtu: false, keys: {} },
  { type: 'vlan', kernel: 'vlan', boundedMtu: true, keys: { vlanId: 50 } },
]

export function needsOf({ type, kernel }: Subject, ...more: readonly KernelFeature[]): Needs {
  return { plugins: [type, 'host-local'], kernel: [kernel, ...more] }
}

export function network(world: World, { type, keys }: Subject, extra: Extra = {}) {
  return world.network({ type, master: UPLINK.name, ipam: hostLocal(world), ...keys, ...extra })
}
