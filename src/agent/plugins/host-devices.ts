import { chooseDevice, type HostDevice, type HostDeviceConfig } from '../../attach/index.ts'
import { devicesIn, type HostView } from './host-view.ts'

/** What /sys tells of devices. */
export interface Hardware {
  /** What /sys/class/net/NAME/device leads to; undefined for a virtual device. */
  pathOf(device: string): string | undefined
  /** The driver that a PCI device is bound to. */
  driverOf(busId: string): string | undefined
}

/** The device of the host that a `host-device` configuration means. Throws what `chooseDevice` throws. */
export function deviceToMove(
  { wanted }: HostDeviceConfig,
  host: Pick<HostView, 'entries'>,
  { pathOf, driverOf }: Hardware,
): HostDevice | 'in-user-space' {
  const devices = devicesIn(Array.from(host.entries(), ({ entry }) => entry))
  // Of every device /sys is asked for some 60 microseconds, while nothing else goes on.
  if (wanted.by === 'name' || wanted.by === 'mac') return chooseDevice(wanted, devices)
  const withPaths = devices.map(device => {
    const path = pathOf(device.name)
    return path === undefined ? device : { ...device, path }
  })
  return chooseDevice(wanted, withPaths, wanted.by === 'bus' ? driverOf(wanted.id) : undefined)
}
