import type { Family } from '../ip/index.ts'

/** Prefixes that mean the same everywhere (RFC 6890, RFC 5771, RFC 4291). */

export const MULTICAST: Readonly<Record<Family, string>> = { 4: '224.0.0.0/4', 6: 'ff00::/8' }

export const LOOPBACK: Readonly<Record<Family, string>> = { 4: '127.0.0.0/8', 6: '::1/128' }
