import * as v from 'valibot'
import { dnsKey, flag, linkName, macKey, mtuKey, readKeys } from './config-keys.ts'
import { unsupportedField } from './errors.ts'
import type { CniDns } from './result.ts'

/** The keys of the `tap` plugin, with their defaults in place. */
export interface TapConfig {
  readonly multiQueue: boolean
  /** Bytes; 0 leaves it to the kernel. */
  readonly mtu: number
  /** What is asked for by other ways comes before it; empty for none. */
  readonly mac: string
  /** Who may open the device: uid and gid. */
  readonly owner?: number
  readonly group?: number
  /** A bridge in the pod that the device is made a port of; empty for none. */
  readonly bridge: string
  readonly dns?: CniDns
}

const id = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(0xffff_fffe))

const schema = v.object({
  multiQueue: flag,
  mtu: mtuKey,
  mac: macKey,
  owner: v.exactOptional(id),
  group: v.exactOptional(id),
  selinuxContext: v.optional(v.string(), ''),
  bridge: v.optional(v.union([v.literal(''), linkName]), ''),
  dns: dnsKey,
})

/** Throws `attach.invalid-configuration`, or `attach.unsupported-field` for what is not done here. */
export function parseTapConfig(raw: unknown): TapConfig {
  const { selinuxContext, ...config } = readKeys('tap', schema, raw)
  if (selinuxContext !== '') {
    // Not that of /proc/thread-self/attr/sockcreate either (security/selinux/hooks.c, selinux_tun_dev_create).
    throw unsupportedField(
      'selinuxContext',
      'a device has the context of the process that makes it, which is the agent: leave it out, and start the agent in that context where SELinux is on',
    )
  }
  return config
}
