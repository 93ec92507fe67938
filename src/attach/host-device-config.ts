import * as v from 'valibot'
import { tryParseMac } from '../ip/index.ts'
import { dnsKey, linkName, readKeys } from './config-keys.ts'
import { invalidConfiguration } from './errors.ts'
import type { CniDns } from './result.ts'

/** The keys of the `host-device` plugin. */
export interface HostDeviceConfig {
  readonly wanted: WantedDevice
  readonly dns?: CniDns
}

/** How the device is named; where a configuration names it in several ways, the first of this order counts. */
export type WantedDevice =
  | { readonly by: 'name'; readonly name: string }
  | { readonly by: 'mac'; readonly mac: string }
  /** Absolute, below /sys/devices. */
  | { readonly by: 'path'; readonly path: string }
  /** Address on the PCI bus or the auxiliary one, as /sys/bus names it. */
  | { readonly by: 'bus'; readonly id: string }

const optional = <S extends v.GenericSchema<string, string>>(schema: S) =>
  v.optional(v.union([v.literal(''), schema]), '')

const busId = v.pipe(
  v.string(),
  v.regex(/^[\w:.-]+$/, 'not the address of a device on a bus, such as 0000:00:1f.6'),
)

const schema = v.object({
  device: optional(linkName),
  hwaddr: v.optional(v.string(), ''),
  kernelpath: optional(
    v.pipe(v.string(), v.regex(/^\/sys\/devices\/[^\0]+$/, 'not an absolute path below /sys/devices')),
  ),
  pciBusID: optional(busId),
  runtimeConfig: v.optional(v.object({ deviceID: optional(busId) }), {}),
  dns: dnsKey,
})

/** Throws `attach.invalid-configuration`. */
export function parseHostDeviceConfig(raw: unknown): HostDeviceConfig {
  const { device, hwaddr, kernelpath, pciBusID, runtimeConfig, ...rest } = readKeys(
    'host-device',
    schema,
    raw,
  )
  const bus = runtimeConfig.deviceID === '' ? pciBusID : runtimeConfig.deviceID
  if (device !== '') return { wanted: { by: 'name', name: device }, ...rest }
  if (hwaddr !== '') return { wanted: { by: 'mac', mac: parsedMac(hwaddr) }, ...rest }
  if (kernelpath !== '') return { wanted: { by: 'path', path: kernelpath.replace(/\/+$/, '') }, ...rest }
  if (bus !== '') return { wanted: { by: 'bus', id: bus }, ...rest }
  throw invalidConfiguration(
    'host-device needs one of device, hwaddr, kernelpath, pciBusID and the deviceID capability',
  )
}

function parsedMac(text: string): string {
  const mac = tryParseMac(text)
  if (mac !== undefined) return mac
  throw invalidConfiguration(`hwaddr ${JSON.stringify(text)} is not a MAC address`)
}
