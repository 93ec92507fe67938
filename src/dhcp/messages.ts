import { addressToBytes, parseAddress } from '../ip/index.ts'
import { DHCP_OPTION, type DhcpMessage, type DhcpOptions } from '../packet/index.ts'
import type { Lease } from './lease.ts'

/** What a client says, less what a conversation adds. RFC 2131, section 4.3.6 has the table. */
export type Draft = Pick<DhcpMessage, 'type' | 'broadcast' | 'clientAddress' | 'options'>

/** Who asks. */
export interface Client {
  readonly options: DhcpOptions
  /** Answers must be broadcast to reach it. */
  readonly broadcast: boolean
}

const UNSPECIFIED = '0.0.0.0'

/** @param wanted an address that it would like to have */
export function discover(client: Client, wanted?: string): Draft {
  const options = new Map(client.options)
  if (wanted !== undefined) options.set(DHCP_OPTION.requestedAddress, addressBytes(wanted))
  return { ...client, type: 'discover', clientAddress: UNSPECIFIED, options }
}

/** Takes an offer; the other servers learn by it that theirs are not taken. */
export function select(client: Client, offered: Lease): Draft {
  const options = new Map(client.options)
    .set(DHCP_OPTION.requestedAddress, addressBytes(hostOf(offered)))
    .set(DHCP_OPTION.serverIdentifier, addressBytes(offered.server))
  return { ...client, type: 'request', clientAddress: UNSPECIFIED, options }
}

/** For RENEWING and REBINDING: they differ only in where it is sent. */
export function renew(client: Client, lease: Lease): Draft {
  return { ...client, type: 'request', clientAddress: hostOf(lease) }
}

export function release({ options }: Client, lease: Lease): Draft {
  const identifier = options.get(DHCP_OPTION.clientIdentifier) ?? new Uint8Array()
  const said = new Map([
    [DHCP_OPTION.serverIdentifier, addressBytes(lease.server)],
    [DHCP_OPTION.clientIdentifier, identifier],
  ])
  return { type: 'release', broadcast: false, clientAddress: hostOf(lease), options: said }
}

/** The leased address without its prefix length. */
export function hostOf({ address }: Lease): string {
  return address.slice(0, address.indexOf('/'))
}

function addressBytes(address: string): Uint8Array {
  return addressToBytes(parseAddress(address))
}
