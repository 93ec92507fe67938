import {
  addressBits,
  contains,
  familyOf,
  formatAddress,
  formatPrefix,
  parseAddress,
  parseInterfaceAddress,
} from '../ip/index.ts'
import type { Entry, RouteEntry, RuleEntry } from '../kernel/index.ts'
import { invalidConfiguration } from './errors.ts'
import type { Attachment, ChainedSpec } from './plan.ts'
import type { CniIp } from './result.ts'
import { defaultRoute, isLinkLocal, linkRoute, MAIN_TABLE } from './routes.ts'
import type { SbrConfig } from './sbr-config.ts'
import { freeTable, takenTables } from './tables.ts'
import { uniqueEntries } from './unique-entries.ts'

export interface SbrSpec extends ChainedSpec {
  readonly config: SbrConfig
  /** The pod's rules and routes before this plugin; other entries are passed over. */
  readonly present: readonly Entry[]
}

/** The lowest table that is taken when none is given. */
const FIRST_TABLE = 100

/** The last before the rule of the main table (32766), where the kernel puts a rule that asks for no place. */
const RULE_PRIORITY = 32_765

/** One address of the interface, and the table for what is sent from it. */
interface Source {
  readonly ip: CniIp
  readonly table: number
}

/**
 * What is sent from the interface's addresses goes by routes of its own, as the CNI `sbr` plugin has it: a rule for
 * each address, and the routes of the interface in a table for each instead of the main one.
 *
 * Throws `attach.invalid-configuration`.
 */
export function planSbr(spec: SbrSpec): Attachment {
  const { config, ifName, present, prevResult } = spec
  const routes = present.filter(entry => entry.kind === 'route')
  const sources = sourcesOf(spec, takenTables(present))
  const rules = sources.map(ruleOf)
  const moving =
    config.table === undefined ? routes.filter(route => isMoving(route, ifName, config.addSourceHints)) : []
  const copies =
    config.table === undefined ? sources.flatMap(source => tableRoutes(source, spec, routes)) : []
  const hints = config.addSourceHints ? sources.flatMap(({ ip }) => sourceHint(ip, ifName)) : []
  return {
    pod: [...rules, ...uniqueEntries([...copies, ...hints])],
    host: [],
    shared: [],
    displaced: [],
    podDisplaced: moving,
    // The routes go with the interface.
    podOnDelete: { remove: rules, restore: [] },
    result: prevResult,
  }
}

function sourcesOf({ config, ifName, prevResult }: SbrSpec, taken: ReadonlySet<number>): readonly Source[] {
  const { interfaces, ips } = prevResult
  const own = ips.filter(ip => ip.interface === undefined || interfaces[ip.interface]?.name === ifName)
  if (own.length === 0) {
    throw invalidConfiguration(`sbr goes by the addresses of ${ifName}, and prevResult has none`)
  }
  let next = FIRST_TABLE
  return own.map(ip => {
    const table = config.table ?? freeTable(taken, next)
    next = table + 1
    return { ip, table }
  })
}

function ruleOf({ ip, table }: Source): RuleEntry {
  const { address } = parseInterfaceAddress(ip.address)
  const { family } = address
  const src = `${formatAddress(address)}/${addressBits(family)}`
  return { kind: 'rule', family, priority: RULE_PRIORITY, src, table }
}

/** The default route of the address, which may have made room for another, and what the interface has besides. */
function tableRoutes(
  { ip, table }: Source,
  { config, ifName }: SbrSpec,
  routes: readonly RouteEntry[],
): readonly RouteEntry[] {
  const { prefix } = parseInterfaceAddress(ip.address)
  const gateway = config.gateways.find(one => familyOf(one) === prefix.family) ?? ip.gateway
  const own = gateway === undefined ? [] : [{ ...defaultRoute([ip], gateway, ifName), table }]
  const moved = routes.filter(route => isOwn(route, ifName) && isOf(route, ip))
  return [...own, ...moved.map(route => ({ ...route, table }))]
}

/** In the main table, but for link-local addresses: who uses those names the interface. */
function isOwn(route: RouteEntry, link: string): boolean {
  return route.link === link && route.table === MAIN_TABLE && !isLinkLocal(route.dst)
}

/** Source or gateway lies in the subnet, or it has neither. */
function isOf(route: RouteEntry, ip: CniIp): boolean {
  const { prefix } = parseInterfaceAddress(ip.address)
  if (familyOf(route.dst) !== prefix.family) return false
  const marks = [route.source, route.gateway].filter(text => text !== undefined)
  return marks.length === 0 || marks.some(text => contains(prefix, parseAddress(text)))
}

function isMoving(route: RouteEntry, link: string, addSourceHints: boolean): boolean {
  return isOwn(route, link) && !(addSourceHints && route.gateway === undefined)
}

/** IPv6 chooses the address of the interface by itself (RFC 6724, rule 5). */
function sourceHint(ip: CniIp, link: string): readonly RouteEntry[] {
  const { address, prefix } = parseInterfaceAddress(ip.address)
  if (prefix.family === 6) return []
  return [{ ...linkRoute(formatPrefix(prefix), link), source: formatAddress(address) }]
}
