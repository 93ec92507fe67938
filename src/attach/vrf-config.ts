import * as v from 'valibot'
import { linkName, readKeys } from './config-keys.ts'

/** The keys of the `vrf` plugin. */
export interface VrfConfig {
  readonly vrfname: string
  /** Routing table of the VRF; 0 for one that is free. */
  readonly table: number
}

const schema = v.object({
  vrfname: linkName,
  table: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(0xffff_ffff)), 0),
})

/** Throws `attach.invalid-configuration`. */
export function parseVrfConfig(raw: unknown): VrfConfig {
  return readKeys('vrf', schema, raw)
}
