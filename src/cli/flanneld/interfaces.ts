import { linearPattern } from '../../base/index.ts'
import { tryParseAddress } from '../../ip/index.ts'
import { type FlagValues, flagError } from './go-flags.ts'

/** The machine's interfaces that are up and have addresses, as `os.networkInterfaces` lists them. */
export type Interfaces = Readonly<Record<string, readonly { readonly address: string }[] | undefined>>

/** What of this machine the choice of an interface depends on. */
export interface Surroundings {
  readonly interfaces: () => Interfaces
  readonly hostName: () => string
  /** The own address that packets to `address` would leave from. */
  readonly sourceTo: (address: string) => Promise<string>
}

/** A part of the agent's configuration. */
export interface UplinkChoice {
  readonly uplink?: string
  readonly uplinkAddress?: string
}

/**
 * The underlay device as flanneld's flags name it: the first `--iface` (a name or an address) that there is, else the
 * first that an `--iface-regex` fits, by name or by address, else the one that `--iface-can-reach` leaves by. Without
 * any of these the agent takes the device with the node's internal address.
 *
 * @throws PodlaceError `flanneld.flag` if what is named is not there
 */
export async function chooseUplink(flags: FlagValues, around: Surroundings): Promise<UplinkChoice> {
  const names = flags.get('iface') ?? []
  const patterns = flags.get('iface-regex') ?? []
  const [reach] = flags.get('iface-can-reach') ?? []
  const interfaces = names.length + patterns.length === 0 ? {} : around.interfaces()
  for (const name of names) {
    const found = byNameOrAddress(interfaces, name)
    if (found !== undefined) return found
  }
  for (const pattern of patterns) {
    const found = byPattern(interfaces, pattern)
    if (found !== undefined) return found
  }
  if (names.length + patterns.length > 0) {
    const asked = [...names, ...patterns].map(text => JSON.stringify(text)).join(', ')
    throw flagError(`no interface is ${asked}; there are ${Object.keys(interfaces).join(', ')}`)
  }
  if (reach === undefined) return {}
  if (tryParseAddress(reach) === undefined)
    throw flagError(`--iface-can-reach: expected an address, found ${JSON.stringify(reach)}`)
  return { uplinkAddress: await around.sourceTo(reach) }
}

function byNameOrAddress(interfaces: Interfaces, text: string): UplinkChoice | undefined {
  if (Object.hasOwn(interfaces, text)) return { uplink: text }
  const device = deviceWith(interfaces, address => address === text)
  return device === undefined ? undefined : { uplink: device, uplinkAddress: text }
}

function byPattern(interfaces: Interfaces, pattern: string): UplinkChoice | undefined {
  const fits = linearPattern(pattern)
  const uplink = Object.keys(interfaces).find(fits) ?? deviceWith(interfaces, fits)
  return uplink === undefined ? undefined : { uplink }
}

function deviceWith(interfaces: Interfaces, fits: (address: string) => boolean): string | undefined {
  return Object.keys(interfaces).find(name => interfaces[name]?.some(({ address }) => fits(address)))
}
