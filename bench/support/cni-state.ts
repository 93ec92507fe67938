/**
 * What an attachment amounts to, read with iproute2 from inside the pod and from the host: a benchmark of programs that
 * do different work would say nothing. What is chosen freely (names, MACs, which address of the range) is put in words.
 */
import assert from 'node:assert/strict'
import { type ChainState, readChains } from './chain-state.ts'
import type { CniNetwork, Pod } from './cni-network.ts'
import { comparableResult, hostInterface, isInPod } from './cni-result.ts'
import { type CniSide, WORLD } from './cni-side.ts'
import { type GuardView, guardOfPort, linkLocal, readGuard } from './guard-state.ts'
import type { Call, CallResult } from './host-worker.ts'
import { inTime } from './in-time.ts'
import { isJson, type Json, jsonList, omit, parseJsonList } from './json.ts'
import { linkState, portState } from './link-state.ts'

/**
 * Equal for two attachments to one network, whoever made them. Not looked at: the broadcast address, which Debian's
 * plugins set and which nothing uses, the length of queues that no link here has, and how many more than its one a link
 * might be told to use.
 */
export interface AttachmentState {
  readonly result: unknown
  readonly podLinks: unknown
  readonly podRoutes: unknown
  readonly podSysctls: readonly string[]
  readonly port: unknown
  readonly bridge: unknown
  readonly hostSysctls: unknown
  /** Of a chain. */
  readonly chain: ChainState | undefined
  /** Marks, lo, and settings that are ours alone: Debian's plugins make none of them, which is to their advantage. */
  readonly ours: unknown
  /** So is what keeps a pod from taking the addresses of others. */
  readonly guard: readonly unknown[]
}

const SYSCTLS = {
  pod: [
    'ipv4/conf/eth0/arp_notify',
    'ipv6/conf/eth0/accept_dad',
    'ipv6/conf/eth0/disable_ipv6',
    'ipv4/ip_forward',
  ],
  podOurs: [
    'ipv4/conf/all/accept_redirects',
    'ipv4/conf/eth0/accept_redirects',
    'ipv6/conf/eth0/accept_ra',
    'ipv6/conf/eth0/accept_redirects',
  ],
} as const

/** Reads what it must before anything can settle: the first packets first. A refused connection is an answer. */
const LOOK_INSIDE = `
for address; do
  timeout 2 bash -c ": <>/dev/tcp/$address/9" 2>&1 | grep -q refused && echo "$address"
done
echo =; ip -j -d addr show
echo =; ip -j route show
cd /proc/sys/net
echo =; grep -H . ${SYSCTLS.pod.join(' ')}
echo =; grep -H . ${SYSCTLS.podOurs.join(' ')}
`

/**
 * The state of pods after their ADDs, one for each, in order; throws if one of them does not reach what it should.
 *
 * @param added what the plugin answered
 */
export async function readStates(
  side: CniSide,
  network: CniNetwork,
  pods: readonly Pod[],
  added: readonly CallResult[],
): Promise<AttachmentState[]> {
  const asked = network.ipMasq ? [network.gateway, WORLD.beyond] : [network.gateway]
  const looks = pods.map(
    ({ netns }): Call => ({
      argv: ['nsenter', `--net=${netns}`, 'bash', '-c', LOOK_INSIDE, 'bash', ...asked],
      env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' },
      stdin: '',
    }),
  )
  const { results } = await side.host.calls(looks, 2)
  const host = await readHost(side, network)
  assert.equal(
    host.ports.length,
    pods.length,
    `${side.label}: ${network.bridge} must have a port for each pod`,
  )
  const chains = network.isChain ? await readChains(side, pods, added) : []
  return pods.map((pod, index) => {
    const [reached = '', ...inside] = (results[index]?.stdout ?? '').split(/^=\n/m)
    assert.equal(reached, asked.map(address => `${address}\n`).join(''), `${side.label}: what a pod reaches`)
    return { ...stateOf(pod, added[index]?.stdout ?? '', inside, host), chain: chains[index] }
  })
}

interface HostView {
  readonly ports: readonly Json[]
  readonly bridge: Json
  readonly sysctls: string
  readonly guard: GuardView
}

async function readHost(side: CniSide, { bridge }: CniNetwork): Promise<HostView> {
  const { host } = side
  const ports = await host.commands([['ip', '-j', '-d', 'link', 'show', 'master', bridge]])
  const [link = {}] = parseJsonList(await host.commands([['ip', '-j', '-d', 'addr', 'show', 'dev', bridge]]))
  const sysctls = 'cd /proc/sys/net; grep -H . ipv4/ip_forward ipv6/conf/*/accept_ra'
  return {
    ports: parseJsonList(ports),
    bridge: link,
    sysctls: await host.commands([['sh', '-c', sysctls]]),
    guard: await readGuard(side),
  }
}

function stateOf(
  pod: Pod,
  stdout: string,
  [links = '', routes = '', sysctls = '', ourSysctls = '']: readonly string[],
  host: HostView,
): Omit<AttachmentState, 'chain'> {
  const result: unknown = JSON.parse(stdout)
  assert.ok(isJson(result))
  const hostName = hostInterface(stdout)
  const port = host.ports.find(one => one['ifname'] === hostName) ?? {}
  const address = String(jsonList(result['ips'])[0]?.['address']).split('/')[0] ?? ''
  const mac = String(jsonList(result['interfaces']).find(isInPod)?.['mac'])
  const inWords = (value: unknown): unknown =>
    [address, pod.containerId, hostName, mac, linkLocal(mac)].reduce(
      (text, name, index) => text.replaceAll(name, `<${index}>`),
      JSON.stringify(value),
    )
  const [loopback = {}, ...podLinks] = parseJsonList(links)
  const hostSysctls = host.sysctls
    .split('\n')
    .filter(line => [hostName, host.bridge['ifname'], 'ip_forward'].some(name => line.includes(`/${name}`)))
  return {
    result: inWords(comparableResult(result)),
    podLinks: inWords(podLinks.map(linkState)),
    podRoutes: inWords(parseJsonList(routes).map(route => omit(route, ['protocol', 'prefsrc']))),
    podSysctls: sysctls.trim().split('\n'),
    port: portState(port),
    bridge: linkState(host.bridge),
    hostSysctls: inWords(hostSysctls),
    ours: inWords({
      alias: port['ifalias'],
      loopback: linkState(loopback),
      sysctls: ourSysctls.trim().split('\n'),
      routeProtocols: parseJsonList(routes).map(route => route['protocol']),
    }),
    guard: [...host.guard.tables, ...guardOfPort(host.guard, hostName).map(inWords)],
  }
}

/** After DEL: no interface in the pods, no port on the bridge, nothing in the guard. */
export async function checkGone(side: CniSide, { bridge }: CniNetwork, pods: readonly Pod[]): Promise<void> {
  for (const { netns } of pods) {
    // The kernel takes the sysctls of the pod's end away when the link itself has gone.
    await inTime(async () => {
      const inside = await side.host.commands([
        ['nsenter', `--net=${netns}`, 'ls', '/proc/sys/net/ipv4/conf'],
      ])
      assert.equal(inside, 'all\ndefault\nlo\n', `${side.label}: after DEL ${netns} still has an interface`)
    })
  }
  const ports = await side.host.commands([['ip', '-j', 'link', 'show', 'master', bridge]])
  assert.deepEqual(parseJsonList(ports), [], `${side.label}: after DEL ${bridge} still has ports`)
  const { elements } = await readGuard(side)
  assert.deepEqual(elements, [], `${side.label}: after DEL the guard still has elements`)
}

/** Holds every state against the first that was seen of its network; throws at the first that differs. */
export class EqualWork {
  private readonly first = new Map<string, { readonly label: string; readonly state: AttachmentState }>()

  check({ label }: CniSide, { name }: CniNetwork, state: AttachmentState): void {
    const first = this.first.get(name) ?? { label, state }
    this.first.set(name, first)
    const between = new Set([label, first.label])
    const { ours, guard } = first.state
    const seen = between.has('peer') ? { ...state, ours, guard } : state
    assert.deepEqual(seen, first.state, `${[...between].join(' and ')} must do the same work`)
  }
}
