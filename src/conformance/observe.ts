import * as v from 'valibot'
import type { Namespace } from './namespace.ts'

/**
 * What a kernel holds, as the tools of iproute2 and netfilter tell it: decoders of our own would share the mistakes
 * of the plugins that use them.
 */

const linkSchema = v.looseObject({
  ifname: v.string(),
  ifindex: v.number(),
  mtu: v.number(),
  flags: v.array(v.string()),
  /** Name of the bridge or VRF it belongs to. */
  master: v.optional(v.string()),
  /** The device below, of a macvlan or VLAN. */
  link: v.optional(v.nullable(v.string())),
  address: v.optional(v.string(), ''),
  operstate: v.optional(v.string()),
  txqlen: v.optional(v.number(), 0),
  promiscuity: v.optional(v.number(), 0),
  allmulti: v.optional(v.number(), 0),
  linkinfo: v.optional(
    v.looseObject({
      info_kind: v.optional(v.string()),
      info_data: v.optional(v.record(v.string(), v.unknown()), {}),
      info_slave_data: v.optional(v.record(v.string(), v.unknown()), {}),
    }),
  ),
  addr_info: v.optional(
    v.array(
      v.looseObject({
        family: v.string(),
        local: v.string(),
        prefixlen: v.number(),
        scope: v.optional(v.string()),
      }),
    ),
    [],
  ),
})
export type ObservedLink = v.InferOutput<typeof linkSchema>

const routeSchema = v.looseObject({
  dst: v.string(),
  gateway: v.optional(v.string()),
  dev: v.optional(v.string()),
  scope: v.optional(v.string()),
  protocol: v.optional(v.string()),
  type: v.optional(v.string()),
  /** Absent for `main`. */
  table: v.optional(v.union([v.string(), v.pipe(v.number(), v.transform(String))]), 'main'),
  metric: v.optional(v.number()),
  prefsrc: v.optional(v.string()),
})
export type ObservedRoute = v.InferOutput<typeof routeSchema>

const ruleSchema = v.looseObject({
  priority: v.number(),
  src: v.string(),
  table: v.optional(v.union([v.string(), v.pipe(v.number(), v.transform(String))])),
})
export type ObservedRule = v.InferOutput<typeof ruleSchema>

const qdiscSchema = v.looseObject({
  kind: v.string(),
  root: v.optional(v.boolean(), false),
  options: v.optional(v.record(v.string(), v.unknown()), {}),
})
export type ObservedQdisc = v.InferOutput<typeof qdiscSchema>

const portVlansSchema = v.looseObject({
  ifname: v.string(),
  vlans: v.array(
    v.looseObject({
      vlan: v.number(),
      vlanEnd: v.optional(v.number()),
      flags: v.optional(v.array(v.string()), []),
    }),
  ),
})
export type ObservedVlan = v.InferOutput<typeof portVlansSchema>['vlans'][number]

type Schema<T> = v.BaseSchema<unknown, T, v.BaseIssue<unknown>>

async function list<T>(namespace: Namespace, command: string, schema: Schema<T>): Promise<T[]> {
  return parseList(await namespace.output(command.split(' ')), schema)
}

function parseList<T>(text: string, schema: Schema<T>): T[] {
  const parsed: unknown = text.trim() === '' ? [] : JSON.parse(text)
  // `ip -j` prints {} for what does not match a filter.
  const items = Array.isArray(parsed)
    ? parsed.filter(item => typeof item === 'object' && item !== null && Object.keys(item).length > 0)
    : []
  return v.parse(v.array(schema), items)
}

/** `ip address`: links with their addresses. */
export function observeLinks(namespace: Namespace): Promise<ObservedLink[]> {
  return list(namespace, 'ip -j -d address show', linkSchema)
}

export async function observeLink(namespace: Namespace, name: string): Promise<ObservedLink | undefined> {
  return (await observeLinks(namespace)).find(({ ifname }) => ifname === name)
}

/** Addresses with prefix lengths, without those the kernel makes itself (fe80::). */
export function addressesOf(link: ObservedLink | undefined): string[] {
  const addresses = link?.addr_info.filter(({ scope }) => scope !== 'link') ?? []
  return addresses.map(({ local, prefixlen }) => `${local}/${prefixlen}`)
}

/** Routes of all tables but `local`. */
export async function observeRoutes(namespace: Namespace, family: 4 | 6): Promise<ObservedRoute[]> {
  return (await list(namespace, `ip -j -${family} route show table all`, routeSchema)).filter(isOfInterest)
}

/** What the kernel makes with each address is none. */
function isOfInterest({ table, type, dst }: ObservedRoute): boolean {
  return table !== 'local' && type !== 'multicast' && dst !== 'fe80::/64'
}

export function observeRules(namespace: Namespace, family: 4 | 6): Promise<ObservedRule[]> {
  return list(namespace, `ip -j -${family} rule show`, ruleSchema)
}

export function observeQdiscs(namespace: Namespace, link: string): Promise<ObservedQdisc[]> {
  return list(namespace, `tc -j qdisc show dev ${link}`, qdiscSchema)
}

/** VLANs of one port of a bridge. */
export async function observeVlans(namespace: Namespace, port: string): Promise<ObservedVlan[]> {
  const ports = await list(namespace, 'bridge -j vlan show', portVlansSchema)
  return ports.filter(({ ifname }) => ifname === port).flatMap(({ vlans }) => vlans)
}

/** What one namespace holds. */
export interface ObservedNamespace {
  readonly links: readonly ObservedLink[]
  /** Of both families, as {@link observeRoutes}. */
  readonly routes: readonly ObservedRoute[]
  readonly rules: readonly ObservedRule[]
  /** Every rule of the packet filters, in whatever language; to be searched, not compared. */
  readonly ruleset: string
}

/**
 * One program for all, since each costs some milliseconds. The iptables of the kernel before nftables show up in
 * their own tool only; a rule of iptables-nft shows its target there only.
 */
const EVERYTHING = `
ip -j -d address show; echo =====
ip -j -4 route show table all; echo =====
ip -j -6 route show table all; echo =====
ip -j -4 rule show; echo =====
ip -j -6 rule show; echo =====
ruleset=$(nft -n list ruleset 2>/dev/null)
echo "$ruleset"
if [ -n "$ruleset" ] || [ -s /proc/net/ip_tables_names ]; then iptables-save 2>/dev/null; fi
if [ -n "$ruleset" ] || [ -s /proc/net/ip6_tables_names ]; then ip6tables-save 2>/dev/null; fi
true`

export async function observeAll(namespace: Namespace): Promise<ObservedNamespace> {
  const parts = (await namespace.output(['sh', '-c', EVERYTHING])).split('=====\n')
  const [links = '', ipv4Routes = '', ipv6Routes = '', ipv4Rules = '', ipv6Rules = '', ruleset = ''] = parts
  return {
    links: parseList(links, linkSchema),
    routes: [ipv4Routes, ipv6Routes].flatMap(text => parseList(text, routeSchema)).filter(isOfInterest),
    rules: [ipv4Rules, ipv6Rules].flatMap(text => parseList(text, ruleSchema)),
    ruleset,
  }
}
