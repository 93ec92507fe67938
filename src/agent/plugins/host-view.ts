import {
  type ChainedSpec,
  hostInterfaceName,
  type MasterConfig,
  masterName,
  type ObservedDevice,
} from '../../attach/index.ts'
import { cniError } from '../../cni/index.ts'
import type { Entry, ObservedEntry } from '../../kernel/index.ts'
import type { PodNamespace } from '../pod-namespace.ts'
import type { Place } from './plugin.ts'

/** The mirror of the host's namespace, by key. */
export interface HostView {
  get(key: string): ObservedEntry | undefined
  /** Keys of the addresses of a link, by its key. */
  addressesOf(linkKey: string): Iterable<string>
  entries(): Iterable<ObservedEntry>
}

/** What the pod's namespace holds now, and of sysctls those that are in `wanted`. */
export async function observePod(
  pod: PodNamespace,
  wanted: readonly Entry[] = [],
): Promise<readonly Entry[]> {
  const kernel = pod.openKernel()
  try {
    return (await kernel.observe(wanted)).map(({ entry }) => entry)
  } finally {
    kernel.close()
  }
}

/** The device that a pod's interface is put on. Throws if there is none. */
export async function observedMaster(
  config: MasterConfig,
  host: HostView,
  { call, pod }: Place,
): Promise<ObservedDevice> {
  const entries = config.linkInContainer
    ? await observePod(pod)
    : Array.from(host.entries(), ({ entry }) => entry)
  const uplink = config.master === '' ? defaultDevice(entries) : undefined
  const { prevResult } = call.config
  const name = masterName(config, {
    ...(uplink === undefined ? {} : { uplink }),
    ...(prevResult === undefined ? {} : { prevResult }),
  })
  const device = devicesIn(entries).find(one => one.name === name)
  if (device !== undefined) return device
  const place = config.linkInContainer ? 'pod' : 'host'
  throw cniError('invalid-configuration', 'attach', `the ${place} has no device ${name} to be the master`)
}

export function devicesIn(entries: readonly Entry[]): ObservedDevice[] {
  return entries.flatMap(entry =>
    entry.kind === 'link' && entry.mtu !== undefined
      ? { name: entry.name, mtu: entry.mtu, ...(entry.mac === undefined ? {} : { mac: entry.mac }) }
      : [],
  )
}

/** The device of the default route that wins: of IPv4, else of IPv6. */
function defaultDevice(entries: readonly Entry[]): string | undefined {
  const routes = entries.filter(entry => entry.kind === 'route').filter(({ table }) => table === 254)
  for (const dst of ['0.0.0.0/0', '::/0']) {
    const [best] = routes.filter(route => route.dst === dst).sort((a, b) => a.metric - b.metric)
    if (best?.link !== undefined) return best.link
  }
  return undefined
}

/** The host's end of the pod's veth. Throws if the plugins before made none. */
export function hostEnd(spec: ChainedSpec, host: HostView): { readonly name: string; readonly mtu?: number } {
  const onHost = spec.prevResult.interfaces.filter(({ sandbox }) => (sandbox ?? '') === '')
  const names = [hostInterfaceName(spec.containerId, spec.ifName), ...onHost.map(({ name }) => name)]
  for (const name of names) {
    const link = host.get(`link ${name}`)?.entry
    if (link?.kind !== 'link' || link.type !== 'veth') continue
    return { name, ...(link.mtu === undefined ? {} : { mtu: link.mtu }) }
  }
  throw cniError(
    'invalid-configuration',
    'attach',
    `prevResult names no veth of the host that leads to ${spec.ifName}: limits need a plugin such as bridge or ptp before them`,
  )
}
