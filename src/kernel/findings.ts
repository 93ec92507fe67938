import type { PodlaceError } from '../base/index.ts'
import type { Entry } from './entry.ts'
import type { KernelError } from './errors.ts'
import type { Finding, ObservedEntry } from './operation.ts'

/** A foreign object holds the key; it stays, and what is desired cannot be had. */
export function foreignInTheWay(key: string, desired: Entry, seen: ObservedEntry): Finding {
  return {
    key,
    severity: 'error',
    code: 'foreign-object',
    message:
      `wanted ${describe(desired)}, but there is ${describe(seen.entry)}, which is not ours and stays; ` +
      'remove it, or change what is configured',
  }
}

/** A foreign link could be adopted, but for an address by which others use it. */
export function servesOthers(key: string, desired: Entry, address: string): Finding {
  return {
    key,
    severity: 'error',
    code: 'foreign-object',
    message:
      `wanted ${describe(desired)}, but the ${key} that is there has the address ${address} and serves ports of ` +
      'another program; detach them, remove the address, or name another link',
  }
}

export function foreignEqual(key: string, seen: ObservedEntry): Finding {
  return {
    key,
    severity: 'info',
    code: 'foreign-equal',
    message: `${describe(seen.entry)} is there already, made by another program: it works, but it is not ours`,
  }
}

export function linkMissing(name: string, neededBy: Entry): Finding {
  const why = neededBy.kind === 'link' ? `for ${neededBy.owner}` : `for ${describe(neededBy)}`
  return {
    key: `link ${name}`,
    severity: 'error',
    code: 'link-missing',
    message: `link ${name} must exist (${why}), but there is none; create it, or name another`,
  }
}

/** An entry in one line: kind, then its attributes as given. */
export function describe(entry: Entry): string {
  if (entry.kind === 'nft-table') return `nft table ${entry.family} ${entry.name}`
  if (entry.kind === 'iptables-chain')
    return `iptables chain ${entry.name} of table ${entry.table} of IPv${entry.family}`
  const parts: string[] = [entry.kind]
  for (const [name, value] of Object.entries(entry)) {
    // Not even what stands for a secret.
    if (name === 'kind' || name === 'presharedKey' || value === undefined) continue
    parts.push(`${name} ${typeof value === 'object' ? JSON.stringify(value) : String(value)}`)
  }
  return parts.join(' ')
}

/** The kernel would not. */
export function refused(key: string, error: PodlaceError<KernelError>): Finding {
  const code =
    error.code === 'kernel.unsupported'
      ? 'unsupported'
      : error.code === 'kernel.namespace-needed'
        ? 'namespace-needed'
        : 'refused'
  return { key, severity: 'error', code, message: error.message }
}

/** Another program undoes again and again what we do. */
export function contested(key: string, entry: Entry): Finding {
  return {
    key,
    severity: 'warning',
    code: 'contested',
    message:
      `${describe(entry)} was repaired more than 100 times in 10 s: another program keeps changing it; ` +
      'find it (`ip monitor`, `nft monitor`) and tell it to leave it alone. Repairs are slowed down until then',
  }
}
