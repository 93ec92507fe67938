import * as v from 'valibot'
import { macKey, masterKeys, readKeys } from './config-keys.ts'
import type { MasterConfig } from './master.ts'

/** The keys of the `macvlan` plugin, with their defaults in place. */
export interface MacvlanConfig extends MasterConfig {
  readonly mode: 'bridge' | 'private' | 'vepa' | 'passthru'
  /** What is asked for by other ways comes before it; empty for none. */
  readonly mac: string
  /** Broadcast frames that may wait; 0 leaves it to the kernel. */
  readonly bcqueuelen: number
}

const schema = v.object({
  ...masterKeys,
  mode: v.optional(v.picklist(['', 'bridge', 'private', 'vepa', 'passthru']), ''),
  mac: macKey,
  bcqueuelen: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(0xffff_ffff)), 0),
})

/** Throws `attach.invalid-configuration`. */
export function parseMacvlanConfig(raw: unknown): MacvlanConfig {
  const config = readKeys('macvlan', schema, raw)
  return { ...config, mode: config.mode === '' ? 'bridge' : config.mode }
}
