import * as v from 'valibot'
import { backendKey, dnsKey, flag, guardKey, mtuKey, readKeys, refuseIptables } from './config-keys.ts'
import type { CniDns } from './result.ts'

/** The keys of the `ptp` plugin, with their defaults in place. */
export interface PtpConfig {
  /** Pods that leave their subnets take an address of the host. */
  readonly ipMasq: boolean
  /** Bytes; 0 leaves it to the kernel. */
  readonly mtu: number
  /** What the pod sends is checked. */
  readonly guard: boolean
  readonly dns?: CniDns
}

const schema = v.object({
  ipMasq: flag,
  ipMasqBackend: backendKey,
  mtu: mtuKey,
  guard: guardKey,
  dns: dnsKey,
})

/** Throws `attach.invalid-configuration`, or `attach.unsupported-field` for what is not done here. */
export function parsePtpConfig(raw: unknown): PtpConfig {
  const { ipMasqBackend, ...config } = readKeys('ptp', schema, raw)
  refuseIptables('ipMasqBackend', ipMasqBackend)
  return config
}
