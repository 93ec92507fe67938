/**
 * The yardstick of the overlay: the same entries as ours, set up by hand with `ip`, `bridge`, `nft`, `iptables`, `wg` and `sysctl`, and
 * without any program that stays. Only the guard's tables come from our planner: they are the same on every node.
 */
import type { FakeHost } from './fake-host.ts'
import { linkLocal } from './guard-state.ts'
import { makeGuardTables } from './guard-tables.ts'
import { HAND_DEVICES, type HandDevice, type HandNode } from './overlay-hand-devices.ts'
import { type Backend, inPod, type NodePair, POD, plugIn } from './overlay-hosts.ts'

/** Of either end of a pod's pair. */
const ONE_QUEUE = 'numtxqueues 1 numrxqueues 1'
const podMac = (block: number) => `02:42:00:00:03:0${block}`

export async function makeByHand(
  stack: AsyncDisposableStack,
  underlay: FakeHost,
  backend: Backend,
): Promise<NodePair> {
  const device = HAND_DEVICES[backend]
  const first = await handNode(stack, underlay, 1)
  const second = await handNode(stack, underlay, 2)
  for (const [self, peer] of [
    [first, second],
    [second, first],
  ] as const) {
    await ip(self.host, [...uplinkBatch(self, device), ...podBatch(self, device), ...device.peer(peer)])
    await makeGuardTables(self.host, device.tunnelPorts)
    await self.host.commands([['nft', '-f', '-']], masquerade(self.block) + guard(self))
    await self.host.commands([['iptables-restore', '--noflush']], FORWARD_RULES)
    await sysctls(self.host, hostSysctls(device))
    await setUpPod(self)
    await device.finish?.(self, peer)
  }
  return [first, second]
}

async function handNode(stack: AsyncDisposableStack, underlay: FakeHost, block: number): Promise<HandNode> {
  const { host, address } = await plugIn(stack, underlay, 10 + block)
  return { host, address, block, podAddress: `10.244.${block}.2` }
}

function uplinkBatch(self: HandNode, { name, device }: HandDevice): string[] {
  if (name === undefined) return []
  return [...device(self), `address add 10.244.${self.block}.0/32 dev ${name}`, `link set ${name} up`]
}

function podBatch({ block }: HandNode, { mtu }: HandDevice): string[] {
  const end = `address ${podMac(block)} mtu ${mtu} ${ONE_QUEUE} netns ${POD}`
  return [
    `link add cni0 address 02:42:00:00:02:0${block} mtu ${mtu} type bridge`,
    `address add 10.244.${block}.1/24 dev cni0`,
    'link set cni0 up',
    `link add veth0 mtu ${mtu} ${ONE_QUEUE} type veth peer name eth0 ${end}`,
    'link set veth0 addrgenmode none',
    'link set veth0 master cni0 up',
    'link set veth0 type bridge_slave hairpin on',
  ]
}

function hostSysctls({ name }: HandDevice): string[] {
  const bridge = ['ipv4/ip_forward=1', 'ipv6/conf/cni0/accept_ra=0', 'ipv6/conf/veth0/accept_ra=0']
  return name === undefined
    ? bridge
    : [...bridge, `ipv4/conf/${name}/rp_filter=2`, `ipv6/conf/${name}/accept_ra=0`]
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
