import type { CniDns, CniIp, CniRoute } from '../attach/index.ts'
import { formatInterfaceAddress, parseAddress } from '../ip/index.ts'
import {
  DHCP_OPTION,
  type DhcpMessage,
  type DhcpRoute,
  readAddress,
  readAddresses,
  readClasslessRoutes,
  readDomain,
  readDomainSearch,
  readNumber,
  readPrefixLength,
  readStaticRoutes,
} from '../packet/index.ts'

/** What a server has promised. Times are of the monotonic clock, in milliseconds; forever is 136 years (RFC 2131). */
export interface Lease {
  /** `10.1.0.9/24` */
  readonly address: string
  /** Server identifier. */
  readonly server: string
  /** Where its answers came from: its own MAC, or that of the way to it. */
  readonly serverMac: string
  /** T1: from then on the server is asked to renew it. */
  readonly renewMs: number
  /** T2: from then on any server is. */
  readonly rebindMs: number
  readonly endMs: number
}

/** Less, and a server could keep us busy. */
const SHORTEST_RENEWAL_MS = 1_000

/**
 * What an OFFER or ACK promises; or, in words, why it is no promise.
 *
 * @param sentMs when the request was sent that it answers: the server counts from later (RFC 2131, section 4.4.1)
 * @param random a fleet that was started together must not renew together
 */
export function leaseOf(
  { yourAddress, options }: DhcpMessage,
  serverMac: string,
  sentMs: number,
  random: () => number,
): Lease | string {
  const server = readAddress(options.get(DHCP_OPTION.serverIdentifier))
  const length = readPrefixLength(options.get(DHCP_OPTION.subnetMask))
  const seconds = readNumber(options.get(DHCP_OPTION.leaseTime))
  if (!isHost(yourAddress)) return 'no usable address'
  if (server === undefined || !isHost(server)) return 'no server identifier'
  if (length === undefined || length === 0) return 'no subnet mask'
  if (seconds === undefined || seconds === 0) return 'no lease time'
  const { renewal, rebinding } = halfAndSevenEighths(seconds, options)
  const fuzz = 1 - random() / 20
  return {
    address: formatInterfaceAddress(parseAddress(yourAddress), length),
    server,
    serverMac,
    renewMs: sentMs + Math.max(SHORTEST_RENEWAL_MS, renewal * fuzz * 1_000),
    rebindMs: sentMs + Math.max(SHORTEST_RENEWAL_MS, rebinding * 1_000),
    endMs: sentMs + seconds * 1_000,
  }
}

/** T1 and T2 in seconds: the server's if they make sense, else those of RFC 2131, section 4.4.5. */
function halfAndSevenEighths(seconds: number, options: DhcpMessage['options']) {
  const renewal = readNumber(options.get(DHCP_OPTION.renewalTime)) ?? seconds * 0.5
  const rebinding = readNumber(options.get(DHCP_OPTION.rebindingTime)) ?? seconds * 0.875
  if (renewal > 0 && renewal <= rebinding && rebinding <= seconds) return { renewal, rebinding }
  return { renewal: seconds * 0.5, rebinding: seconds * 0.875 }
}

/** What a network configures with an address. */
export interface LeaseResult {
  readonly ips: readonly CniIp[]
  readonly routes: readonly CniRoute[]
  readonly dns: CniDns
}

/** @param priority metric of the routes; 0 leaves it out */
export function leaseResult({ address }: Lease, { options }: DhcpMessage, priority: number): LeaseResult {
  const gateway = readAddresses(options.get(DHCP_OPTION.routers))?.find(isHost)
  return {
    ips: [{ address, ...(gateway === undefined ? {} : { gateway }) }],
    routes: routesOf(options, gateway).map(({ target, gateway: gw }) => ({
      dst: target,
      ...(gw === undefined ? {} : { gw }),
      ...(priority === 0 ? {} : { priority }),
    })),
    dns: dnsOf(options),
  }
}

/** Classless routes replace both the others (RFC 3442). */
function routesOf(options: DhcpMessage['options'], gateway: string | undefined): readonly DhcpRoute[] {
  const classless = readClasslessRoutes(options.get(DHCP_OPTION.classlessRoutes))
  if (classless !== undefined) return classless
  const others = readStaticRoutes(options.get(DHCP_OPTION.staticRoutes)) ?? []
  return gateway === undefined ? others : [...others, { target: '0.0.0.0/0', gateway }]
}

function dnsOf(options: DhcpMessage['options']): CniDns {
  const nameservers = readAddresses(options.get(DHCP_OPTION.nameServers))?.filter(isHost)
  const domain = readDomain(options.get(DHCP_OPTION.domainName))
  const search = readDomainSearch(options.get(DHCP_OPTION.domainSearch))
  return {
    ...(nameservers === undefined ? {} : { nameservers }),
    ...(domain === undefined ? {} : { domain }),
    ...(search === undefined ? {} : { search }),
  }
}

/** What one host can have: not of this network, the machine's own, a group, or reserved (RFC 6890). */
function isHost(address: string): boolean {
  const first = Number(address.split('.')[0])
  return first > 0 && first !== 127 && first < 224
}
