import * as v from 'valibot'
import { flag, macKey, mtuKey, readKeys } from './config-keys.ts'
import type { SysctlSetting } from './sysctl-key.ts'

/** The keys of the `tuning` plugin; those of `args.cni` come before those of the configuration. */
export interface TuningConfig {
  readonly sysctls: readonly SysctlSetting[]
  /** What is asked for by other ways comes before it; empty for none. */
  readonly mac: string
  readonly promisc: boolean
  /** Bytes; 0 leaves it as it is. */
  readonly mtu: number
  /** Packets. */
  readonly txQLen?: number
  readonly allmulti?: boolean
}

const settings = v.record(v.string(), v.string())
const queueLength = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(0xffff_ffff))

const schema = v.object({
  sysctl: v.nullish(settings, {}),
  mac: macKey,
  promisc: flag,
  mtu: mtuKey,
  txQLen: v.exactOptional(queueLength),
  allmulti: v.exactOptional(v.boolean()),
  // Values from before are kept elsewhere.
  dataDir: v.exactOptional(v.string()),
  args: v.exactOptional(
    v.object({
      cni: v.exactOptional(
        v.object({
          sysctl: v.exactOptional(settings),
          promisc: v.exactOptional(v.boolean()),
          mtu: v.exactOptional(v.unwrap(mtuKey)),
          txQLen: v.exactOptional(queueLength),
          allmulti: v.exactOptional(v.boolean()),
        }),
      ),
    }),
  ),
})

/** Throws `attach.invalid-configuration`. */
export function parseTuningConfig(raw: unknown): TuningConfig {
  const { sysctl, args, dataDir: _, ...own } = readKeys('tuning', schema, raw)
  const { sysctl: sysctlOfArgs = {}, ...ofArgs } = args?.cni ?? {}
  const sysctls = new Map([...Object.entries(sysctl ?? {}), ...Object.entries(sysctlOfArgs)])
  return {
    sysctls: [...sysctls].map(([key, value]) => ({ key, value })),
    ...own,
    ...ofArgs,
  }
}
