/**
 * Everything that a packet between two pods meets in a node and its pod, read with iproute2 and nft, and what is chosen
 * freely (names, MACs, indexes, underlay addresses) in words: equal for two nodes that do the same with it.
 */
import assert from 'node:assert/strict'
import { inTime } from './in-time.ts'
import { isJson, type Json, jsonAt, jsonList, omit, parseJsonList, pick } from './json.ts'
import { inPod, type NodePair, type OverlayNode } from './overlay-hosts.ts'

const SYSCTLS = [
  'ipv4/ip_forward',
  'ipv4/conf/*/rp_filter',
  'ipv4/conf/*/forwarding',
  'ipv4/conf/*/accept_redirects',
  'ipv4/conf/*/arp_notify',
  'ipv6/conf/*/accept_ra',
  'ipv6/conf/*/accept_redirects',
  'ipv6/conf/*/accept_dad',
  'ipv6/conf/*/addr_gen_mode',
  'ipv6/conf/*/forwarding',
]

/** One thing a line, in an order that depends on no name. */
async function readNode(node: OverlayNode, peer: OverlayNode): Promise<string[]> {
  const read = (...command: string[]) => node.host.commands([command])
  const lines = [
    ...(await devices('node', read)),
    ...(await routes('node', read)),
    ...(await peers(read)),
    ...(await wireguard(read)),
    ...rules(await read('nft', '-j', '--stateless', 'list', 'ruleset')),
    ...(await devices('pod', (...command) => node.host.commands([inPod(command)]))),
    ...(await routes('pod', (...command) => node.host.commands([inPod(command)]))),
  ]
  return inWords(lines, node, peer)
}

type Read = (...command: string[]) => Promise<string>

async function devices(where: string, read: Read): Promise<string[]> {
  const links = parseJsonList(await read('ip', '-j', '-d', 'addr', 'show'))
  const sysctls = await read('sh', '-c', `cd /proc/sys/net; grep -H . ${SYSCTLS.join(' ')}`)
  return [
    ...links.map(link => `${where} link ${stable(device(link))}`),
    ...sysctls
      .trim()
      .split('\n')
      .map(line => `${where} sysctl ${line}`),
  ]
}

/** Numbers of a link's place, statistics, clocks; our mark; and what the kernel tells up to a second late. */
const LINK_CHOICES = [
  'ifindex',
  'link_index',
  'link_netnsid',
  'ifalias',
  'addr_info',
  'linkinfo',
  'group',
  'operstate',
]
const INFO_CHOICES = /_id$|^id$|^no$|timer|^designated|^root|gc_interval|fdb_n_learned|_cost$/

function device(link: Json): Json {
  const info = (key: string): Json => {
    const all = jsonAt(link, 'linkinfo', key)
    const choices = Object.keys(all).filter(name => INFO_CHOICES.test(name) && typeof all[name] !== 'boolean')
    return omit(all, jsonAt(link, 'linkinfo')['info_kind'] === 'vxlan' ? [] : choices)
  }
  const addresses = jsonList(link['addr_info']).filter(address => address['scope'] !== 'link')
  return {
    ...omit(link, LINK_CHOICES),
    kind: jsonAt(link, 'linkinfo')['info_kind'],
    info: info('info_data'),
    port: info('info_slave_data'),
    addresses: addresses.map(address => pick(address, ['local', 'prefixlen', 'scope'])),
  }
}

async function routes(where: string, read: Read): Promise<string[]> {
  const found = [
    ...parseJsonList(await read('ip', '-j', 'route', 'show', 'table', 'all')),
    ...parseJsonList(await read('ip', '-j', 'rule', 'show')),
  ]
  // The kernel's own, which it derives from MACs and makes when its search for duplicates is over.
  const entered = found.filter(route => !String(route['dst']).startsWith('fe80::'))
  return entered.map(route => `${where} ${stable(omit(route, ['protocol']))}`)
}

/** What was entered: what the kernel has learnt itself comes and goes. */
async function peers(read: Read): Promise<string[]> {
  const neighbours = parseJsonList(await read('ip', '-j', 'neigh', 'show', 'nud', 'permanent'))
  const fdb = parseJsonList(await read('bridge', '-j', 'fdb', 'show'))
  return [
    ...neighbours.map(one => `neighbour ${stable(omit(one, ['protocol']))}`),
    ...fdb.filter(one => 'dst' in one).map(one => `fdb ${stable(one)}`),
  ]
}

/** Without keys, which are chosen freely, and without what comes with traffic. */
async function wireguard(read: Read): Promise<string[]> {
  const links = parseJsonList(await read('ip', '-j', 'link', 'show'))
  if (!links.some(({ ifname }) => ifname === 'flannel-wg')) return []
  const [device = '', ...peers] = (await read('wg', 'show', 'flannel-wg', 'dump')).trimEnd().split('\n')
  const [, , port, mark] = device.split('\t')
  const told = peers.map(line => {
    const [, preshared, endpoint = '', allowed, , , , keepalive] = line.split('\t')
    // An address is put in words where it ends with a quote.
    return { preshared, endpoint: endpoint.split(':'), allowed, keepalive }
  })
  return [`wireguard ${stable({ port, mark })}`, ...told.map(one => `wireguard peer ${stable(one)}`)]
}

function rules(text: string): string[] {
  const parsed: unknown = JSON.parse(text)
  const objects = isJson(parsed) ? jsonList(parsed['nftables']) : []
  return objects.flatMap(object => {
    const [kind = '', body] = Object.entries(object)[0] ?? []
    if (!isJson(body) || kind === 'metainfo' || kind === 'table') return []
    return [`nft ${kind} ${stable(omit(body, ['handle', 'comment', 'table']))}`]
  })
}

/** JSON with sorted keys. */
function stable(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    isJson(inner)
      ? Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  )
}

/** MACs, and addresses made from them, are numbered in the order of their first appearance. */
function inWords(lines: readonly string[], self: OverlayNode, peer: OverlayNode): string[] {
  const macs = new Map<string, string>()
  const mac = (text: string) => {
    if (/^(00:){5}|^(ff:){5}/.test(text)) return text
    const known = macs.get(text) ?? `mac ${macs.size + 1}`
    macs.set(text, known)
    return known
  }
  return lines
    .map(line =>
      line
        .replaceAll(/\bveth\w+/g, 'port')
        .replaceAll(`${self.address}"`, 'self"')
        .replaceAll(`${peer.address}"`, 'peer"'),
    )
    .toSorted((a, b) => (a.replaceAll(MAC, '') < b.replaceAll(MAC, '') ? -1 : 1))
    .map(line => line.replaceAll(MAC, mac))
}

const MAC = /\b[0-9a-f]{2}(?::[0-9a-f]{2}){5}\b|\bfe80:(?::[0-9a-f]{1,4}){1,4}\b/g

/** Throws, with the lines that differ, unless both pairs of nodes hold the same. */
export async function checkSameEntries(ours: NodePair, byHand: NodePair): Promise<void> {
  for (const turned of [false, true]) {
    const read = ([first, second]: NodePair) => (turned ? readNode(second, first) : readNode(first, second))
    await inTime(async () =>
      assert.deepEqual(await read(byHand), await read(ours), 'by hand and ours must hold the same entries'),
    )
  }
}
