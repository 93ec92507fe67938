/**
 * What an attachment amounts to, read with iproute2 and compared between both sides: a benchmark of two programs
 * that do different work would say nothing.
 */
import assert from 'node:assert/strict'
import type { CniSide, Pod } from './cni-side.ts'

/** Everything of an attachment that must be equal on both sides; names and MACs that are chosen freely are not. */
export interface AttachmentState {
  readonly podAddresses: readonly string[]
  readonly podRoutes: readonly string[]
  readonly podLink: string
  readonly bridgeAddresses: readonly string[]
  readonly port: string
  readonly forwarding: string
  readonly firstPacket: boolean
}

type Json = Readonly<Record<string, unknown>>

async function ipJson(side: CniSide, args: readonly string[]): Promise<readonly Json[]> {
  const text = await side.host.commands([['ip', '-j', ...args]])
  const value: unknown = JSON.parse(text === '' ? '[]' : text)
  assert.ok(Array.isArray(value))
  return value.filter(item => typeof item === 'object' && item !== null && Object.keys(item).length > 0)
}

const nsName = (pod: Pod): string => pod.netns.slice('/run/netns/'.length)

function addressesOf(links: readonly Json[]): string[] {
  return links
    .flatMap(link => (Array.isArray(link['addr_info']) ? link['addr_info'] : []))
    .filter(address => address.scope === 'global')
    .map(address => `${address.local}/${address.prefixlen}`)
    .sort()
}

/**
 * True if a TCP segment reaches the address from inside the pod and the answer comes back: a refused connection is
 * one, silence is not.
 */
export async function reaches(side: CniSide, pod: Pod, address: string): Promise<boolean> {
  const connect = `exec 3<>/dev/tcp/${address}/9`
  const command = ['nsenter', `--net=${pod.netns}`, 'timeout', '2', 'bash', '-c', connect]
  const { results } = await side.host.calls(
    [{ argv: command, env: { PATH: '/usr/sbin:/usr/bin' }, stdin: '' }],
    1,
  )
  return /refused/i.test(results[0]?.stderr ?? '')
}

/** The state right after an ADD; the first packet goes first, before anything can settle. */
export async function readState(
  side: CniSide,
  pod: Pod,
  bridge: string,
  gateway: string,
): Promise<AttachmentState> {
  const firstPacket = await reaches(side, pod, gateway)
  const links = await ipJson(side, ['-n', nsName(pod), 'addr', 'show', 'dev', 'eth0'])
  const routes = await ipJson(side, ['-n', nsName(pod), 'route', 'show'])
  const bridges = await ipJson(side, ['addr', 'show', 'dev', bridge])
  const ports = await ipJson(side, ['-d', 'link', 'show', 'master', bridge])
  const [link] = links
  const [port] = ports
  return {
    podAddresses: addressesOf(links),
    podRoutes: routes
      .map(route => `${route['dst']} via ${route['gateway'] ?? '-'} dev ${route['dev']}`)
      .sort(),
    podLink: `${link?.['operstate']} mtu ${link?.['mtu']}`,
    bridgeAddresses: addressesOf(bridges),
    port: `${ports.length} port, ${port?.['operstate']}, hairpin ${hairpin(port)}`,
    forwarding: (await side.host.commands([['cat', '/proc/sys/net/ipv4/ip_forward']])).trim(),
    firstPacket,
  }
}

function hairpin(port: Json | undefined): unknown {
  const info = port?.['linkinfo']
  if (typeof info !== 'object' || info === null || !('info_slave_data' in info)) return undefined
  const data = info.info_slave_data
  return typeof data === 'object' && data !== null && 'hairpin' in data ? data.hairpin : undefined
}

/** After DEL: no interface in the pod, no port on the bridge. */
export async function checkGone(side: CniSide, pod: Pod, bridge: string): Promise<void> {
  const inside = await ipJson(side, ['-n', nsName(pod), 'link', 'show'])
  const names = inside.map(link => link['ifname'])
  assert.deepEqual(names, ['lo'], `${side.label}: after DEL the pod still has ${names.join(', ')}`)
  const ports = await ipJson(side, ['link', 'show', 'master', bridge])
  assert.equal(ports.length, 0, `${side.label}: after DEL ${bridge} still has ${ports.length} ports`)
}

/** The CNI result without what is chosen freely: names and MACs of host interfaces. */
export function comparableResult(stdout: string): unknown {
  const result: unknown = JSON.parse(stdout)
  assert.ok(typeof result === 'object' && result !== null)
  const fields = new Map<string, unknown>(Object.entries(result))
  const interfaces = fields.get('interfaces')
  return {
    cniVersion: fields.get('cniVersion'),
    ips: fields.get('ips'),
    routes: fields.get('routes'),
    interfaces: Array.isArray(interfaces)
      ? interfaces.map(one =>
          one.sandbox === undefined || one.sandbox === '' ? 'host' : `${one.name} in the pod`,
        )
      : interfaces,
  }
}
