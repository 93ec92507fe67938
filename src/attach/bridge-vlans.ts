import * as v from 'valibot'
import type { BridgeLink, BridgeVlan } from '../kernel/index.ts'
import { invalidConfiguration } from './errors.ts'

/** The VLANs of a pod's port. */
export interface PortVlans {
  /** Frames of it have no tag in the pod: an access port. */
  readonly access?: number
  /** Frames of these have tags in the pod. */
  readonly trunk: readonly number[]
  /** The port stays in the VLAN that ports of the bridge are in without being told. */
  readonly preserveDefault: boolean
}

/** IFLA_BR_VLAN_DEFAULT_PVID of a bridge that nobody set otherwise. */
const DEFAULT_VLAN = 1

const vlanId = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(4094))

export const vlanKeys = {
  vlan: v.optional(v.union([v.literal(0), vlanId], 'not a VLAN id from 1 to 4094, or 0 for none'), 0),
  vlanTrunk: v.nullish(
    v.array(
      v.object({
        id: v.exactOptional(vlanId),
        minID: v.exactOptional(vlanId),
        maxID: v.exactOptional(vlanId),
      }),
    ),
    [],
  ),
  preserveDefaultVlan: v.optional(v.boolean(), true),
}

type VlanKeys = v.InferOutput<v.ObjectSchema<typeof vlanKeys, undefined>>

/** Undefined if the configuration asks for no VLAN. Throws `attach.invalid-configuration`. */
export function portVlans({ vlan, vlanTrunk, preserveDefaultVlan }: VlanKeys): PortVlans | undefined {
  const trunk = new Set((vlanTrunk ?? []).flatMap(trunkIds))
  if (vlan === 0 && trunk.size === 0) return undefined
  return {
    ...(vlan === 0 ? {} : { access: vlan }),
    trunk: [...trunk].toSorted((a, b) => a - b),
    preserveDefault: preserveDefaultVlan,
  }
}

function trunkIds({ id, minID, maxID }: NonNullable<VlanKeys['vlanTrunk']>[number]): readonly number[] {
  const single = id === undefined ? [] : [id]
  if (minID === undefined && maxID === undefined) return single
  if (minID === undefined || maxID === undefined || minID > maxID) {
    const found = `minID ${minID ?? 'missing'}, maxID ${maxID ?? 'missing'}`
    throw invalidConfiguration(`vlanTrunk has ${found}: it takes both, the lower one first`)
  }
  return [...single, ...Array.from({ length: maxID - minID + 1 }, (_, index) => minID + index)]
}

/** As the kernel has them on the port; the access VLAN is the one of frames that come without a tag. */
export function portEntries({ access, trunk, preserveDefault }: PortVlans): readonly BridgeVlan[] {
  const vlans = new Map<number, BridgeVlan>()
  if (preserveDefault)
    vlans.set(DEFAULT_VLAN, { id: DEFAULT_VLAN, pvid: access === undefined, untagged: true })
  for (const id of trunk) vlans.set(id, { id })
  if (access !== undefined) vlans.set(access, { id: access, pvid: true, untagged: true })
  return [...vlans.values()].toSorted((a, b) => a.id - b.id)
}

/** The bridge takes part in the VLAN of its gateway, besides the one that it is in anyway. */
export function gatewayVlans(id: number): readonly BridgeVlan[] {
  const own = { id: DEFAULT_VLAN, pvid: true, untagged: true }
  return id === DEFAULT_VLAN ? [own] : [own, { id }]
}

/**
 * One bridge as two networks want it: it filters VLANs if one asks for that, and takes part in the VLANs of both. All
 * else is the second's.
 */
export function bridgeOfBoth(first: BridgeLink, second: BridgeLink): BridgeLink {
  const vlans = new Map([...(first.vlans ?? []), ...(second.vlans ?? [])].map(vlan => [vlan.id, vlan]))
  return {
    ...second,
    ...(first.promisc === true ? { promisc: true } : {}),
    ...(first.vlanFiltering === true ? { vlanFiltering: true } : {}),
    ...(vlans.size === 0 ? {} : { vlans: [...vlans.values()].toSorted((a, b) => a.id - b.id) }),
  }
}
