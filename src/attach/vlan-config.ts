import * as v from 'valibot'
import { masterKeys, readKeys } from './config-keys.ts'
import { invalidConfiguration } from './errors.ts'
import type { MasterConfig } from './master.ts'

/** The keys of the `vlan` plugin, with their defaults in place. */
export interface VlanConfig extends MasterConfig {
  /** 0 to 4094. */
  readonly vlanId: number
}

const schema = v.object({
  ...masterKeys,
  vlanId: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(4094)), 0),
})

/** Throws `attach.invalid-configuration`. */
export function parseVlanConfig(raw: unknown): VlanConfig {
  const config = readKeys('vlan', schema, raw)
  if (config.master !== '') return config
  throw invalidConfiguration('the vlan configuration names no master: it is the device that carries the VLAN')
}
