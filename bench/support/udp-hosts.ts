/** Pairs of nodes between whose pods packets go by UDP: carried by our process, by the plain loop, or by the kernel. */
import { join } from 'node:path'
import process from 'node:process'
import type { FakeHost } from './fake-host.ts'
import { inPod, makeUnderlay, type NodePair, type OverlayNode, POD, plugIn } from './overlay-hosts.ts'
import { programPath } from './programs.ts'
import { type Carried, UDP_DEVICE, UDP_PORT } from './udp-carry.ts'

export type Carrier = 'ours' | 'loop' | 'vxlan'

interface UdpNode extends OverlayNode {
  /** The node's block is `10.244.<block>.0/24`. */
  readonly block: number
}

const ROOT = join(import.meta.dirname, '../..')
const PATH = '/usr/sbin:/usr/bin:/sbin:/bin'
/** Of the underlay, less IPv4 and UDP; with vxlan less Ethernet and its own header too. */
const MTU = { ours: 1472, loop: 1472, vxlan: 1450 } as const

const device = (carrier: Carrier) => (carrier === 'vxlan' ? 'flannel.1' : UDP_DEVICE)
const vtepMac = (block: number) => `02:42:00:00:01:0${block}`

/** Two nodes on an underlay of their own. */
export async function makePair(stack: AsyncDisposableStack, carrier: Carrier): Promise<NodePair> {
  const underlay = await makeUnderlay(stack)
  const first = await makeNode(stack, underlay, carrier, 1)
  const second = await makeNode(stack, underlay, carrier, 2)
  for (const [node, peer] of [
    [first, second],
    [second, first],
  ] as const) {
    await START[carrier](node, peer)
    await node.host.commands([['ip', '-batch', '-']], lines(deviceBatch(node, peer, carrier)))
  }
  return [first, second]
}

async function makeNode(
  stack: AsyncDisposableStack,
  underlay: FakeHost,
  carrier: Carrier,
  block: number,
): Promise<UdpNode> {
  const { host, address } = await plugIn(stack, underlay, block)
  const podAddress = `10.244.${block}.2`
  const mtu = MTU[carrier]
  await host.commands(
    [['ip', '-batch', '-']],
    lines([
      `link add pod mtu ${mtu} type veth peer name eth0 mtu ${mtu} netns ${POD}`,
      `address add 10.244.${block}.1/24 dev pod`,
      'link set pod up',
    ]),
  )
  await host.commands(
    [['ip', '-n', POD, '-batch', '-']],
    lines([
      'link set lo up',
      'link set eth0 up',
      `address add ${podAddress}/24 dev eth0`,
      `route add default via 10.244.${block}.1`,
    ]),
  )
  await host.commands([['sh', '-c', 'echo 1 > /proc/sys/net/ipv4/ip_forward']])
  return { host, address, podAddress, block }
}

const START: Readonly<Record<Carrier, (node: UdpNode, peer: UdpNode) => Promise<void>>> = {
  async ours({ host, address, block }, peer) {
    const socketPath = '/run/podlace-udp.sock'
    await daemon(host, [join(ROOT, 'build/podlace-udp'), socketPath], 'listening')
    const carried: Carried = {
      socketPath,
      address,
      block,
      peers: [{ address: peer.address, block: peer.block }],
    }
    await host.commands([
      [process.execPath, join(import.meta.dirname, 'udp-carry.ts'), JSON.stringify(carried)],
    ])
  },
  async loop({ host, address }, peer) {
    const route = `10.244.${peer.block}.0/24=${peer.address}`
    await daemon(host, [programPath('udp-loop'), UDP_DEVICE, address, String(UDP_PORT), route], 'ready')
  },
  async vxlan({ host, address, block }) {
    const type = `type vxlan id 1 dstport 8472 local ${address} dev eth0 nolearning`
    await host.commands([['ip', ...`link add flannel.1 address ${vtepMac(block)} ${type}`.split(' ')]])
  },
}

function deviceBatch({ block }: UdpNode, peer: UdpNode, carrier: Carrier): string[] {
  const name = device(carrier)
  const up = [`link set ${name} mtu ${MTU[carrier]} up`, `address add 10.244.${block}.0/32 dev ${name}`]
  if (carrier !== 'vxlan') return [...up, `route add 10.244.0.0/16 dev ${name}`]
  const gateway = `10.244.${peer.block}.0`
  return [
    ...up,
    `neighbour add ${gateway} lladdr ${vtepMac(peer.block)} dev ${name} nud permanent`,
    `route add ${gateway}/24 via ${gateway} dev ${name} onlink`,
  ]
}

/** The forwarding entry of a vxlan peer; `ip` has none. */
export async function joinVxlan([first, second]: NodePair): Promise<void> {
  for (const [node, peer, block] of [
    [first, second, 2],
    [second, first, 1],
  ] as const) {
    const entry = [vtepMac(block), 'dev', 'flannel.1', 'dst', peer.address, 'self', 'permanent']
    await node.host.commands([['bridge', 'fdb', 'append', ...entry]])
  }
}

/** Starts what carries or answers, and waits until its log has the word. */
export async function daemon(host: FakeHost, argv: readonly string[], word: string): Promise<void> {
  const log = `/run/${argv
    .join('-')
    .replaceAll(/[^a-z0-9]+/g, '-')
    .slice(-60)}.log`
  await host.start(argv, { env: { PATH }, counted: true, log })
  const wait = 'for i in $(seq 100); do grep -q "$1" "$2" && exit; sleep 0.05; done; cat "$2" >&2; exit 1'
  await host.commands([['sh', '-c', wait, 'sh', word, log]])
}

/** Runs a program in the node's pod; resolves with what it prints. */
export async function runInPod(host: FakeHost, command: readonly string[]): Promise<string> {
  const { results } = await host.calls([{ argv: inPod(command), env: { PATH }, stdin: '' }], 1)
  const [result] = results
  if (result?.exitCode === 0) return result.stdout
  throw new Error(`${command.join(' ')}: ${result?.stdout}${result?.stderr}`)
}

function lines(commands: readonly string[]): string {
  return `${commands.join('\n')}\n`
}
