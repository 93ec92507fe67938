import type { Entry, SettingEntry } from '../entry.ts'
import { linkOfSysctl } from './sysctl.ts'

export function isSetting(entry: Entry): entry is SettingEntry {
  return entry.kind === 'sysctl' || entry.kind === 'offload'
}

/** The link whose setting it is; undefined for a setting of the namespace. */
export function linkOfSetting(entry: SettingEntry): string | undefined {
  return entry.kind === 'sysctl' ? linkOfSysctl(entry.path) : entry.link
}
