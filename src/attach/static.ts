import {
  contains,
  type Family,
  formatAddress,
  formatInterfaceAddress,
  parseAddress,
  parseInterfaceAddress,
  tryParseAddress,
  tryParseInterfaceAddress,
} from '../ip/index.ts'
import { invalidConfiguration } from './errors.ts'
import type { ManagedAddresses } from './plan.ts'
import { type CniIp, ipFamily } from './result.ts'
import type { StaticAddress, StaticConfig } from './static-config.ts'

/** Where addresses can come from besides the configuration. The first of this order that names any wins. */
export interface StaticRequest {
  /** `runtimeConfig.ips`, each with prefix length. */
  readonly runtimeConfig?: readonly string[]
  /** `args.cni.ips`, likewise. */
  readonly args?: readonly string[]
  readonly cniArgs?: {
    /** `IP`: with prefix length, separated by commas. */
    readonly ip?: string
    /** `GATEWAY`: separated by commas. Each counts for the addresses of CNI_ARGS or file in whose subnet it lies. */
    readonly gateway?: string
  }
  /** The result has room for one address a family only: CNI 0.2.0 and older. Default false. */
  readonly onePerFamily?: boolean
}

/**
 * What the `static` address management gives: the addresses it is told.
 *
 * Throws `attach.invalid-configuration` that names the source.
 */
export function staticAddresses(config: StaticConfig, request: StaticRequest): ManagedAddresses {
  const ips = chosenAddresses(config, request).map(canonical)
  const twice = ips.find((ip, index) => ips.findIndex(({ address }) => address === ip.address) < index)
  if (twice !== undefined) throw invalidConfiguration(`address ${twice.address} is given twice`)
  if (request.onePerFamily === true) refuseSeveral(ips)
  return { ips, routes: config.routes, dns: config.dns ?? {} }
}

function chosenAddresses(config: StaticConfig, request: StaticRequest): readonly StaticAddress[] {
  const { runtimeConfig = [], args = [], cniArgs = {} } = request
  if (runtimeConfig.length > 0) return addressesOf('runtimeConfig.ips', runtimeConfig)
  if (args.length > 0) return addressesOf('args.cni.ips', args)
  const asked = addressesOf('IP in CNI_ARGS', commaSeparated(cniArgs.ip))
  const addresses = asked.length > 0 ? asked : config.addresses
  const gateways = commaSeparated(cniArgs.gateway).map(gatewayInArgs)
  return addresses.map(one => {
    const { prefix } = parseInterfaceAddress(one.address)
    const gateway = gateways.findLast(candidate => contains(prefix, candidate))
    return gateway === undefined ? one : { ...one, gateway: formatAddress(gateway) }
  })
}

function commaSeparated(text = ''): readonly string[] {
  return text === '' ? [] : text.split(',').map(part => part.trim())
}

function addressesOf(source: string, texts: readonly string[]): readonly StaticAddress[] {
  return texts.map(address => {
    if (tryParseInterfaceAddress(address) !== undefined) return { address }
    const wanted = 'must be an IP address with prefix length, such as 10.1.2.3/24'
    throw invalidConfiguration(`${source} ${wanted}, and holds ${JSON.stringify(address)}`)
  })
}

function gatewayInArgs(text: string) {
  const gateway = tryParseAddress(text)
  if (gateway !== undefined) return gateway
  throw invalidConfiguration(`GATEWAY in CNI_ARGS must be an IP address, and holds ${JSON.stringify(text)}`)
}

function canonical({ address: text, gateway = '' }: StaticAddress): CniIp {
  const { address, prefix } = parseInterfaceAddress(text)
  return {
    address: formatInterfaceAddress(address, prefix.length),
    ...(gateway === '' ? {} : { gateway: formatAddress(parseAddress(gateway)) }),
  }
}

function refuseSeveral(ips: readonly CniIp[]): void {
  for (const family of [4, 6] satisfies Family[]) {
    if (ips.filter(ip => ipFamily(ip) === family).length < 2) continue
    throw invalidConfiguration(
      `CNI 0.2.0 and older know one IPv${family} address a pod: name one, or raise cniVersion to 0.3.0`,
    )
  }
}
