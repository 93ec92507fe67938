import { formatPrefix, parseInterfaceAddress } from '../ip/index.ts'
import { type AddressEntry, type Entry, type RouteEntry, type VrfLink } from '../kernel/index.ts'
import { invalidConfiguration } from './errors.ts'
import { attachmentOwner } from './names.ts'
import type { Attachment, ChainedSpec } from './plan.ts'
import { isLinkLocal, MAIN_TABLE } from './routes.ts'
import { freeTable, takenTables } from './tables.ts'
import type { VrfConfig } from './vrf-config.ts'

export interface VrfSpec extends ChainedSpec {
  readonly config: VrfConfig
  /** What the pod had before this plugin: its links, addresses, routes and rules. */
  readonly present: readonly Entry[]
}

/**
 * The pod's interface in a VRF, a routing domain of its own, as the CNI `vrf` plugin puts it there. The VRF is shared
 * by interfaces of the pod and goes with the last.
 *
 * Throws `attach.invalid-configuration`.
 */
export function planVrf(spec: VrfSpec): Attachment {
  const { config, ifName, prevResult } = spec
  refuseOtherMaster(spec)
  const vrf: VrfLink = {
    kind: 'link',
    type: 'vrf',
    claim: 'own',
    name: config.vrfname,
    owner: `vrf ${config.vrfname}`,
    table: tableOf(spec),
    up: true,
  }
  const member = { kind: 'link', type: 'device', claim: 'use', name: ifName, master: vrf.name } as const
  const addresses = addressesOf(spec)
  return {
    pod: [
      vrf,
      { ...member, owner: attachmentOwner(spec) },
      // The kernel takes the interface down and up for this: IPv6 addresses do not survive it, nor routes.
      ...addresses,
      ...routesOf(spec, addresses).map(route => ({ ...route, table: vrf.table })),
    ],
    host: [],
    shared: [],
    displaced: [],
    podOnDelete: { remove: [], restore: [], removeWithLast: [{ link: vrf, member: ifName }] },
    result: prevResult,
  }
}

function refuseOtherMaster({ config, ifName, present }: VrfSpec): void {
  const link = present.find(entry => entry.kind === 'link' && entry.name === ifName)
  if (link?.kind !== 'link' || link.master === undefined || link.master === config.vrfname) return
  throw invalidConfiguration(`${ifName} is in ${link.master} already, and can be in one VRF or bridge only`)
}

function tableOf({ config, present }: VrfSpec): number {
  const there = present.find(entry => entry.kind === 'link' && entry.name === config.vrfname)
  if (there === undefined) return config.table === 0 ? freeTable(takenTables(present), 1) : config.table
  if (there.kind !== 'link' || there.type !== 'vrf') {
    throw invalidConfiguration(
      `the pod has an interface ${config.vrfname}, and it is no VRF: choose another vrfname`,
    )
  }
  if (config.table === 0 || config.table === there.table) return there.table
  throw invalidConfiguration(
    `VRF ${config.vrfname} is there with table ${there.table}, not ${config.table}: leave table out`,
  )
}

/** Those the kernel does not make by itself. */
function addressesOf({ ifName, present }: VrfSpec): readonly AddressEntry[] {
  return present
    .filter(entry => entry.kind === 'address')
    .filter(({ link, address }) => link === ifName && !isLinkLocal(address))
}

/** Those the kernel does not make by itself, which are the routes to the subnets of addresses. */
function routesOf({ ifName, present }: VrfSpec, addresses: readonly AddressEntry[]): readonly RouteEntry[] {
  const connected = new Set(addresses.filter(({ noPrefixRoute }) => noPrefixRoute !== true).map(subnetOf))
  return present
    .filter(entry => entry.kind === 'route')
    .filter(({ link, table }) => link === ifName && table === MAIN_TABLE)
    .filter(({ dst, gateway }) => !isLinkLocal(dst) && (gateway !== undefined || !connected.has(dst)))
}

function subnetOf({ address }: AddressEntry): string {
  return formatPrefix(parseInterfaceAddress(address).prefix)
}
