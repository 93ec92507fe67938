import { type Entry, entryKey } from '../kernel/index.ts'
import { invalidConfiguration } from './errors.ts'
import { checkMtu, mtuField } from './mtu.ts'
import { attachmentOwner, requestedMac } from './names.ts'
import type { Attachment, ChainedSpec, RequestedMac } from './plan.ts'
import { restoring } from './restore.ts'
import type { CniInterface } from './result.ts'
import { sysctlEntry } from './sysctl-key.ts'
import type { TuningConfig } from './tuning-config.ts'

export interface TuningSpec extends ChainedSpec {
  readonly config: TuningConfig
  readonly requestedMac?: RequestedMac
  /** What the pod had under the keys of this plan: DEL puts it back. */
  readonly before?: readonly Entry[]
}

/** The settings of the pod's interface that the CNI `tuning` plugin changes. */
interface Settings {
  readonly mac?: string
  readonly mtu?: number
  readonly promisc?: boolean
  readonly allmulticast?: boolean
  readonly txQueueLength?: number
}

/**
 * Sysctls of the pod and settings of an interface that is there, as the CNI `tuning` plugin sets them.
 *
 * Throws `attach.invalid-configuration`.
 */
export function planTuning(spec: TuningSpec): Attachment {
  const { config, prevResult, before = [] } = spec
  checkMtu(config.mtu, prevResult.ips)
  const settings = settingsOf(spec)
  const pod = [...sysctlsOf(spec), ...interfaceEntries(spec, settings)]
  const changed: Partial<CniInterface> = {
    ...(settings.mac === undefined ? {} : { mac: settings.mac }),
    ...mtuField(config.mtu),
  }
  const interfaces = prevResult.interfaces.map(one =>
    one.name === spec.ifName && (one.sandbox ?? '') !== '' ? { ...one, ...changed } : one,
  )
  return {
    pod,
    host: [],
    shared: [],
    displaced: [],
    podOnDelete: { remove: [], restore: restoring(pod, before) },
    result: { ...prevResult, interfaces },
  }
}

function settingsOf({ config, requestedMac: requested }: TuningSpec): Settings {
  const mac = requestedMac(requested, config.mac)
  return {
    ...(mac === undefined ? {} : { mac }),
    ...mtuField(config.mtu),
    ...(config.promisc ? { promisc: true } : {}),
    ...(config.allmulti === undefined ? {} : { allmulticast: config.allmulti }),
    ...(config.txQLen === undefined ? {} : { txQueueLength: config.txQLen }),
  }
}

function interfaceEntries(spec: TuningSpec, settings: Settings): readonly Entry[] {
  if (Object.keys(settings).length === 0) return []
  const owner = attachmentOwner(spec)
  return [{ kind: 'link', type: 'device', claim: 'use', name: spec.ifName, owner, ...settings }]
}

function sysctlsOf({ config, ifName }: TuningSpec): readonly Entry[] {
  const entries = new Map<string, Entry>()
  for (const setting of config.sysctls) {
    const entry = sysctlEntry(setting, ifName)
    const key = entryKey(entry)
    if (entries.has(key)) throw invalidConfiguration(`${key} is set twice, the second time as ${setting.key}`)
    entries.set(key, entry)
  }
  return [...entries.values()]
}
