import { type DeviceLink, type Entry, entryKey, type LinkEntry } from '../kernel/index.ts'

/** What can be set on a living link and put back. */
const SETTINGS = ['mac', 'mtu', 'promisc', 'allmulticast', 'txQueueLength'] as const

/**
 * Entries that put back what others change: of links the settings that are changed, of sysctls the value.
 *
 * @param before what the kernel had under their keys
 */
export function restoring(changed: readonly Entry[], before: readonly Entry[]): readonly Entry[] {
  const known = new Map(before.map(entry => [entryKey(entry), entry]))
  return changed.flatMap((entry): Entry[] => {
    const old = known.get(entryKey(entry))
    if (entry.kind === 'sysctl' && old?.kind === 'sysctl') return [old]
    if (entry.kind === 'link' && old?.kind === 'link') return [restoringLink(entry, old)]
    return []
  })
}

function restoringLink(changed: LinkEntry, old: LinkEntry): DeviceLink {
  const { name, owner } = changed
  const settings = SETTINGS.filter(key => changed[key] !== undefined && old[key] !== undefined)
  return {
    kind: 'link',
    type: 'device',
    claim: 'use',
    name,
    owner,
    ...Object.fromEntries(settings.map(key => [key, old[key]])),
  }
}
