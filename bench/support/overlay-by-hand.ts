/**
 * The yardstick of the overlay: the same entries as ours, set up by hand with `ip`, `bridge`, `nft`, `iptables` and `sysctl`, and
 * without any program that stays. Only the guard's tables come from our planner: they are the same on every node.
 */
import type { FakeHost } from './fake-host.ts'
import { linkLocal } from './guard-state.ts'
import { makeGuardTables } from './guard-tables.ts'
import { type Backend, inPod, type NodePair, type OverlayNode, POD, plugIn } from './overlay-hosts.ts'

interface HandNode extends OverlayNode {
  /** The node's block is `10.244.<block>.0/24`. */
  readonly block: number
}

const VXLAN_PORT = 8472

const podMac = (block: number) => `02:42:00:00:03:0${block}`
const vtepMac = (block: number) => `02:42:00:00:01:0${block}`

export async function makeByHand(
  stack: AsyncDisposableStack,
  underlay: FakeHost,
  backend: Backend,
): Promise<NodePair> {
  const first = await handNode(stack, underlay, 1)
  const second = await handNode(stack, underlay, 2)
  for (const [self, peer] of [
    [first, second],
    [second, first],
  ] as const) {
    await ip(self.host, [
      ...uplinkBatch(self, backend),
      ...podBatch(self, backend),
      ...peerBatch(peer, backend),
    ])
    await makeGuardTables(self.host, backend === 'vxlan' ? [VXLAN_PORT] : [])
    await self.host.commands([['nft', '-f', '-']], masquerade(self.block) + guard(self))
    await self.host.commands([['iptables-restore', '--noflush']], FORWARD_RULES)
    await sysctls(self.host, hostSysctls(backend))
    await setUpPod(self)
    if (backend === 'vxlan') {
      const entry = [vtepMac(peer.block), 'dev', 'flannel.1', 'dst', peer.address, 'self', 'permanent']
      await self.host.commands([['bridge', 'fdb', 'append', ...entry]])
    }
  }
  return [first, second]
}

async function handNode(stack: AsyncDisposableStack, underlay: FakeHost, block: number): Promise<HandNode> {
  const { host, address } = await plugIn(stack, underlay, 10 + block)
  return { host, address, block, podAddress: `10.244.${block}.2` }
}

function uplinkBatch({ block, address }: HandNode, backend: Backend): string[] {
  if (backend === 'host-gw') return []
  return [
    `link add flannel.1 address ${vtepMac(block)} mtu 1450 type vxlan id 1 dstport ${VXLAN_PORT} local ${address} dev eth0 nolearning`,
    'link set flannel.1 addrgenmode none',
    `address add 10.244.${block}.0/32 dev flannel.1`,
    'link set flannel.1 up',
  ]
}

function podBatch({ block }: HandNode, backend: Backend): string[] {
  const mtu = backend === 'vxlan' ? 1450 : 1500
  return [
    `link add cni0 address 02:42:00:00:02:0${block} mtu ${mtu} type bridge`,
    `address add 10.244.${block}.1/24 dev cni0`,
    'link set cni0 up',
    `link add veth0 mtu ${mtu} type veth peer name eth0 address ${podMac(block)} mtu ${mtu} netns ${POD}`,
    'link set veth0 master cni0 up',
    'link set veth0 type bridge_slave hairpin on',
  ]
}

function hostSysctls(backend: Backend): string[] {
  const bridge = ['ipv4/ip_forward=1', 'ipv6/conf/cni0/accept_ra=0', 'ipv6/conf/veth0/accept_ra=0']
  return backend === 'host-gw'
    ? bridge
    : [...bridge, 'ipv4/conf/flannel.1/rp_filter=2', 'ipv6/conf/flannel.1/accept_ra=0']
}

async function setUpPod({ host, block, podAddress }: HandNode): Promise<void> {
  const settings = ['ipv4/conf/eth0/arp_notify=1', 'ipv4/conf/all/accept_redirects=0']
  for (const name of ['ipv4/conf/eth0/accept_redirects', 'ipv6/conf/eth0/accept_redirects'])
    settings.push(`${name}=0`)
  settings.push('ipv6/conf/eth0/accept_ra=0', 'ipv6/conf/eth0/accept_dad=0')
  await sysctls(host, settings, inPod([]))
  const lines = [
    'link set lo up',
    'link set eth0 up',
    `address add ${podAddress}/24 dev eth0`,
    `route add default via 10.244.${block}.1`,
  ]
  await host.commands([['ip', '-n', POD, '-batch', '-']], `${lines.join('\n')}\n`)
}

async function sysctls(
  host: FakeHost,
  settings: readonly string[],
  where: readonly string[] = [],
): Promise<void> {
  const script = 'for one; do echo "${one#*=}" > "/proc/sys/net/${one%%=*}"; done'
  await host.commands([[...where, 'sh', '-c', script, 'sh', ...settings]])
}

function peerBatch(peer: HandNode, backend: Backend): string[] {
  const block = `10.244.${peer.block}.0`
  if (backend === 'host-gw') return [`route add ${block}/24 via ${peer.address} dev eth0`]
  return [
    `neighbour add ${block} lladdr ${vtepMac(peer.block)} dev flannel.1 nud permanent`,
    `route add ${block}/24 via ${block} dev flannel.1 onlink`,
  ]
}

/** The pod network passes FORWARD, whatever the policy there. */
const FORWARD_RULES = `*filter
:PODLACE-OVERLAY - [0:0]
-A PODLACE-OVERLAY -s 10.244.0.0/16 -m comment --comment by-hand -j ACCEPT
-A PODLACE-OVERLAY -d 10.244.0.0/16 -m comment --comment by-hand -j ACCEPT
-I FORWARD -m comment --comment by-hand -j PODLACE-OVERLAY
COMMIT
`

function masquerade(block: number): string {
  const [own, network] = [`10.244.${block}.0/24`, '10.244.0.0/16']
  return `table ip by-hand {
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
    meta mark and 0x4000 == 0x4000 return
    ip saddr ${own} ip daddr ${network} return
    ip saddr ${network} ip daddr ${own} return
    ip saddr != ${network} ip daddr ${own} return
    ip saddr ${network} ip daddr != 224.0.0.0/4 masquerade fully-random
    ip saddr != ${network} ip daddr ${network} masquerade fully-random
  }
}
`
}

function guard({ block, podAddress }: HandNode): string {
  const mac = podMac(block)
  const elements = [
    'ports { veth0 : goto pod }',
    `macs { veth0 . ${mac} }`,
    `ipv4 { veth0 . ${podAddress} }`,
    `ipv6 { veth0 . ${linkLocal(mac)} }`,
  ]
  return elements.map(element => `add element bridge podlace-guard ${element}\n`).join('')
}

async function ip(host: FakeHost, lines: readonly string[]): Promise<void> {
  await host.commands([['ip', '-batch', '-']], `${lines.join('\n')}\n`)
}
