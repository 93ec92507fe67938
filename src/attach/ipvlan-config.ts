import * as v from 'valibot'
import { masterKeys, readKeys } from './config-keys.ts'
import type { MasterConfig } from './master.ts'

/** The keys of the `ipvlan` plugin, with their defaults in place. */
export interface IpvlanConfig extends MasterConfig {
  readonly mode: 'l2' | 'l3' | 'l3s'
}

const schema = v.object({ ...masterKeys, mode: v.optional(v.picklist(['', 'l2', 'l3', 'l3s']), '') })

/** Throws `attach.invalid-configuration`. */
export function parseIpvlanConfig(raw: unknown): IpvlanConfig {
  const config = readKeys('ipvlan', schema, raw)
  return { ...config, mode: config.mode === '' ? 'l2' : config.mode }
}
