import type { Namespace } from './namespace.ts'

/** A command for `sh -c` in a namespace of its own; the kernel has the feature if it succeeds. */
const PROBES = {
  bridge: 'ip link add f0 type bridge',
  'bridge-vlan': 'ip link add f0 type bridge vlan_filtering 1',
  veth: 'ip link add f0 type veth peer name f1',
  ipv6: 'test -d /proc/sys/net/ipv6',
  macvlan: 'ip link add f0 type veth peer name f1 && ip link add f2 link f0 type macvlan mode bridge',
  ipvlan: 'ip link add f0 type veth peer name f1 && ip link add f2 link f0 type ipvlan mode l2',
  vlan: 'ip link add f0 type veth peer name f1 && ip link add f2 link f0 type vlan id 7',
  dummy: 'ip link add f0 type dummy',
  vrf: 'ip link add f0 type vrf table 100',
  tun: 'ip tuntap add dev f0 mode tap',
  ifb: 'ip link add f0 type ifb',
  htb: 'tc qdisc add dev lo root handle 1: htb && tc filter add dev lo parent 1: protocol ip pref 1 u32 match ip dst 10.0.0.0/8 classid 1:',
  tbf: 'tc qdisc add dev lo root tbf rate 1mbit burst 10k latency 25ms',
  conntrack: 'test -e /proc/sys/net/netfilter/nf_conntrack_tcp_be_liberal',
  mptcp: 'test -d /proc/sys/net/mptcp',
  nat: 'nft add table ip f0 && nft "add chain ip f0 c { type nat hook postrouting priority 100; }" && nft add rule ip f0 c masquerade',
} as const

export type KernelFeature = keyof typeof PROBES

/** Those of the wanted features that the kernel does not have, found by trying. */
export async function missingFeatures(
  where: Namespace,
  wanted: Iterable<KernelFeature>,
): Promise<Set<KernelFeature>> {
  const missing = new Set<KernelFeature>()
  for (const feature of new Set(wanted)) {
    const probe = await where.execute(['unshare', '--net', 'sh', '-c', PROBES[feature]])
    if (probe.exitCode !== 0) missing.add(feature)
  }
  return missing
}
