import * as v from 'valibot'
import { backendKey, dnsKey, flag, guardKey, mtuKey, type NatBackend, readKeys } from './config-keys.ts'
import type { CniDns } from './result.ts'

/** The keys of the `ptp` plugin, with their defaults in place. */
export interface PtpConfig {
  /** Pods that leave their subnets take an address of the host. */
  readonly ipMasq: boolean
  readonly ipMasqBackend: NatBackend
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

/** Throws `attach.invalid-configuration`. */
export function parsePtpConfig(raw: unknown): PtpConfig {
  return readKeys('ptp', schema, raw)
}
