import type { DeviceLink } from '../kernel/index.ts'
import { invalidConfiguration } from './errors.ts'
import type { HostDeviceConfig, WantedDevice } from './host-device-config.ts'
import type { ObservedDevice } from './master.ts'
import type { Attachment, AttachmentSpec } from './plan.ts'
import { HOST_NETNS, planPodLink, podLink } from './pod-link.ts'
import { resultDns } from './pod-side.ts'

/** A device of the host that could be given to a pod. */
export interface HostDevice extends ObservedDevice {
  /** What /sys/class/net/NAME/device leads to, absolute; a virtual device has none. */
  readonly path?: string
}

export interface HostDeviceSpec extends AttachmentSpec {
  readonly config: HostDeviceConfig
  /** What `chooseDevice` came to. */
  readonly device: HostDevice | 'in-user-space'
}

/** Drivers that hand a PCI device to a program (DPDK): there is no interface to move. */
const USER_SPACE_DRIVERS: ReadonlySet<string> = new Set(['vfio-pci', 'uio_pci_generic', 'igb_uio'])

/**
 * The device that is meant. Throws `attach.invalid-configuration` if it is not there.
 *
 * @param driver of the device with the wanted bus address, if there is one
 */
export function chooseDevice(
  wanted: WantedDevice,
  devices: readonly HostDevice[],
  driver?: string,
): HostDevice | 'in-user-space' {
  if (wanted.by === 'bus' && driver !== undefined && USER_SPACE_DRIVERS.has(driver)) return 'in-user-space'
  const found = devices.find(device => isWanted(wanted, device))
  if (found !== undefined) return found
  const { by, ...value } = wanted
  throw invalidConfiguration(
    `the host has no device of ${by === 'bus' ? 'bus address' : by} ${Object.values(value)}`,
  )
}

function isWanted(wanted: WantedDevice, { name, mac, path }: HostDevice): boolean {
  switch (wanted.by) {
    case 'name':
      return name === wanted.name
    case 'mac':
      return mac === wanted.mac
    case 'path':
      return path === wanted.path
    case 'bus':
      // A virtio device hangs on its PCI device.
      return path !== undefined && path.replace(/\/virtio[^/]*$/, '').endsWith(`/${wanted.id}`)
  }
}

/**
 * A device of the host, moved into the pod until DEL, as the CNI `host-device` plugin does it.
 *
 * Throws `attach.invalid-configuration`.
 */
export function planHostDevice(spec: HostDeviceSpec): Attachment {
  const { config, device } = spec
  if (device === 'in-user-space') return nothingToMove(spec)
  const movedFrom = { netns: HOST_NETNS, name: device.name }
  const link: DeviceLink = { ...podLink(spec), type: 'device', movedFrom }
  return planPodLink(spec, link, { mac: device.mac, mtu: device.mtu, dns: config.dns })
}

/** The program that has the device is told of its addresses by the result. */
function nothingToMove({ ips, routes, dns, config }: HostDeviceSpec): Attachment {
  const result = { interfaces: [], ips, routes, dns: resultDns(config.dns, dns) }
  return { pod: [], host: [], shared: [], displaced: [], result }
}
