import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { FakeHost } from './fake-host.ts'
import {
  addressesOf,
  type ObservedLink,
  type ObservedRoute,
  type ObservedRule,
  observeAll,
  observeLinks,
} from './observe.ts'
import type { World } from './world.ts'

/** What a host held before a case. */
export interface Baseline {
  readonly links: ReadonlySet<string>
  readonly routes: ReadonlySet<string>
  readonly rules: ReadonlySet<string>
}

/** Where plugins keep state if a configuration names no place. */
const STATE_FOLDERS = ['/var/lib/cni', '/run/cni'] as const

const routeText = ({ dst, dev, table, gateway }: ObservedRoute) =>
  `${dst}${gateway === undefined ? '' : ` via ${gateway}`} dev ${dev ?? '-'} table ${table}`
const ruleText = ({ priority, src, table }: ObservedRule) => `${priority}: from ${src} lookup ${table ?? '-'}`
const isBridge = (link: ObservedLink) => link.linkinfo?.info_kind === 'bridge'

export async function takeBaseline(host: FakeHost): Promise<Baseline> {
  const { links, routes, rules } = await observeAll(host.network)
  return {
    links: new Set(links.map(({ ifname }) => ifname)),
    routes: new Set(routes.map(routeText)),
    rules: new Set(rules.map(ruleText)),
  }
}

/**
 * What is left of a case's attachments after their DEL, one line each. A bridge and its gateway addresses belong to
 * the network and may stay, and so may rules that name no attachment.
 */
export async function findLeftovers(world: World, baseline: Baseline): Promise<string[]> {
  const { links: all, routes, rules, ruleset } = await observeAll(world.host.network)
  const links = all.filter(({ ifname }) => !baseline.links.has(ifname))
  const kept = links.filter(link => belongsToNetwork(link, links))
  const keptNames = new Set(kept.map(({ ifname }) => ifname))
  return [
    ...links.filter(link => !kept.includes(link)).map(({ ifname }) => `link ${ifname}`),
    ...routes
      .filter(({ dev }) => !keptNames.has(dev ?? ''))
      .map(routeText)
      .filter(route => !baseline.routes.has(route))
      .map(route => `route ${route}`),
    ...rules
      .map(ruleText)
      .filter(rule => !baseline.rules.has(rule))
      .map(rule => `policy rule ${rule}`),
    ...filterLeftovers(ruleset, world, kept),
    ...stateLeftovers(world),
  ]
}

/** Interfaces that ADD made in pods and DEL left there. */
export async function findInsidePods(world: World): Promise<string[]> {
  const left: string[] = []
  for (const pod of world.pods.filter(({ removed }) => !removed)) {
    const made = world.attachments.filter(
      ({ options, lastResult }) => options.pod === pod && lastResult !== undefined,
    )
    const names = new Set(made.map(({ options }) => options.ifname).filter(name => name !== 'lo'))
    const links = await observeLinks(pod)
    left.push(
      ...links.filter(({ ifname }) => names.has(ifname)).map(({ ifname }) => `${ifname} in the container`),
    )
  }
  return left
}

/** The bridge itself, the interface that carries its gateway in a VLAN (`br0.100`), and the other end of that. */
function belongsToNetwork(link: ObservedLink, links: readonly ObservedLink[]): boolean {
  const bridges = links.filter(isBridge).map(({ ifname }) => ifname)
  const isGateway = (name: string) => bridges.some(bridge => name === bridge || name.startsWith(`${bridge}.`))
  return isGateway(link.ifname) || isGateway(link.link ?? '')
}

/** Lines of the packet filters that name an attachment. */
function filterLeftovers(ruleset: string, world: World, kept: readonly ObservedLink[]): string[] {
  const gateways = new Set(kept.flatMap(addressesOf).map(address => address.replace(/\/\d+$/, '')))
  const names = world.attachments.flatMap(({ options, addresses }) => [
    options.containerId,
    ...addresses.filter(address => !gateways.has(address)),
  ])
  const lines = ruleset.split('\n').filter(line => names.some(name => words(line).has(name)))
  return [...new Set(lines)].map(line => `packet filter: ${line.trim()}`)
}

/** With and without colons inside: they are part of an IPv6 address, and stand between an IPv4 address and a port. */
function words(line: string): Set<string> {
  return new Set([...line.split(/[^\w.:-]+/), ...line.split(/[^\w.-]+/)])
}

/** Files that name a container, by their own name or inside. */
function stateLeftovers(world: World): string[] {
  const ids = world.attachments.map(({ options }) => options.containerId)
  const folders = [world.dataDir, ...STATE_FOLDERS.map(folder => world.host.file(folder))]
  return folders.flatMap(folder =>
    filesBelow(folder)
      .map(path => path.slice(folder.length + 1))
      .filter(path => ids.some(id => words(`${path} ${readFileSync(join(folder, path), 'latin1')}`).has(id)))
      .map(path => `file ${path}`),
  )
}

function filesBelow(folder: string): string[] {
  try {
    const entries = readdirSync(folder, { recursive: true, withFileTypes: true })
    return entries.filter(entry => entry.isFile()).map(entry => join(entry.parentPath, entry.name))
  } catch {
    return [] // not there: nothing was kept
  }
}
