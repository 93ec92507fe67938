import {
  addAddress,
  addBridgeVlans,
  addFdb,
  addLink,
  addNeighbour,
  addRoute,
  addRule,
  appendFdb,
  appendRoute,
  deleteAddress,
  deleteBridgeVlans,
  deleteFdb,
  deleteLink,
  deleteNeighbour,
  deleteRoute,
  deleteRule,
  IFA_F_NODAD,
  IFA_F_NOPREFIXROUTE,
  replaceAddress,
  replaceFdb,
  replaceNeighbour,
  replaceRoute,
  setBridgePort,
  setLink,
} from '../index.ts'
import { checkVectors, expectation } from './check.ts'

/** Our requests against what `ip` and `bridge` send for the same thing. */

const BR0 = 5
const V0 = 10
const P0 = 11
const V1 = 12
const VX = 20
/** The descriptor that `ip` happened to have the namespace open as. */
const NETNS_FD = 4

const vxlanDefaults = { '18/2/7': 'ip spells out what it has no opinion on' }

checkVectors('link', [
  expectation(
    'ip link add v1 index 12 mtu 1400 type veth peer name p1 index 13 address 02:00:00:00:00:02 mtu 1400',
    addLink({
      name: 'v1',
      index: V1,
      mtu: 1400,
      info: { kind: 'veth', peer: { name: 'p1', index: 13, mac: '02:00:00:00:00:02', mtu: 1400 } },
    }),
  ),
  expectation(
    'ip link add v2 up type veth peer name eth0 netns /proc/self/ns/net',
    addLink({ name: 'v2', up: true, info: { kind: 'veth', peer: { name: 'eth0', netnsFd: NETNS_FD } } }),
  ),
  expectation(
    'ip link add br1 address 02:00:00:00:00:01 type bridge forward_delay 0 ageing_time 6000',
    addLink({
      name: 'br1',
      mac: '02:00:00:00:00:01',
      info: { kind: 'bridge', forwardDelay: 0, ageingTime: 6000 },
    }),
  ),
  expectation(
    'ip link add vx1 mtu 1450 type vxlan id 77 local 192.0.2.1 dev v0 dstport 8472 nolearning gbp ttl 64',
    addLink({
      name: 'vx1',
      mtu: 1450,
      info: {
        kind: 'vxlan',
        vni: 77,
        local: '192.0.2.1',
        linkIndex: V0,
        port: 8472,
        learning: false,
        gbp: true,
        ttl: 64,
      },
    }),
  ),
  expectation(
    'ip link add vx6 index 24 type vxlan id 78 local 2001:db8::1 dstport 4789',
    addLink({ name: 'vx6', index: 24, info: { kind: 'vxlan', vni: 78, local: '2001:db8::1', port: 4789 } }),
    vxlanDefaults,
  ),
  expectation(
    'ip link add mv0 link p0 type macvlan mode bridge',
    addLink({ name: 'mv0', parentIndex: P0, info: { kind: 'macvlan', mode: 'bridge' } }),
  ),
  expectation(
    'ip link set dev v0 alias podlace:overlay',
    setLink({ index: V0 }, { alias: 'podlace:overlay' }),
  ),
  expectation('ip link set dev v0 alias ""', setLink({ index: V0 }, { alias: '' })),
  expectation('ip link set dev v0 mtu 1300', setLink({ index: V0 }, { mtu: 1300 })),
  expectation(
    'ip link set dev v0 address 02:00:00:00:00:09',
    setLink({ index: V0 }, { mac: '02:00:00:00:00:09' }),
  ),
  expectation('ip link set dev v0 down', setLink({ index: V0 }, { up: false })),
  expectation('ip link set dev v0 up promisc on', setLink({ index: V0 }, { up: true, promiscuous: true })),
  expectation('ip link set dev v0 master br0', setLink({ index: V0 }, { masterIndex: BR0 })),
  expectation(
    'ip link set dev v0 type bridge_slave hairpin on isolated on learning off',
    setBridgePort({ index: V0 }, { hairpin: true, isolated: true, learning: false }),
    {
      '18/1': 'ip asks for a kind "bridge_slave" that does not exist',
      '18/4': 'we name the kind of the master',
    },
  ),
  expectation('ip link set dev v0 nomaster', setLink({ index: V0 }, { masterIndex: 0 })),
  expectation(
    'ip link set dev v0 group 7 txqueuelen 100',
    setLink({ index: V0 }, { group: 7, txQueueLength: 100 }),
  ),
  expectation('ip link set dev v1 netns /proc/self/ns/net', setLink({ index: V1 }, { netnsFd: NETNS_FD })),
  expectation('ip link set dev v0 addrgenmode none', setLink({ index: V0 }, { addrGenMode: 'none' })),
  expectation(
    'ip link add v3 numtxqueues 1 numrxqueues 1 type veth peer name p3 numtxqueues 1 numrxqueues 1',
    addLink({
      name: 'v3',
      txQueues: 1,
      rxQueues: 1,
      info: { kind: 'veth', peer: { name: 'p3', txQueues: 1, rxQueues: 1 } },
    }),
  ),
  expectation('ip link set dev vx6 name vx7', setLink({ index: 24 }, { name: 'vx7' })),
  expectation('ip link delete dev v1', deleteLink({ index: V1 })),
  expectation(
    'ip link add mv1 link p0 type macvlan mode private bcqueuelen 2000',
    addLink({
      name: 'mv1',
      parentIndex: P0,
      info: { kind: 'macvlan', mode: 'private', broadcastQueueLength: 2000 },
    }),
  ),
  expectation(
    'ip link add ib0 txqueuelen 50 type ifb',
    addLink({ name: 'ib0', txQueueLength: 50, info: { kind: 'ifb' } }),
  ),
  expectation(
    'ip link set dev v0 allmulticast on promisc off',
    setLink({ index: V0 }, { allMulticast: true, promiscuous: false }),
  ),
  expectation(
    'ip link add iv0 link p0 type ipvlan mode l3 private',
    addLink({ name: 'iv0', parentIndex: P0, info: { kind: 'ipvlan', mode: 'l3', flag: 'private' } }),
  ),
  expectation(
    'ip link add vl0 link p0 type vlan id 100',
    addLink({ name: 'vl0', parentIndex: P0, info: { kind: 'vlan', id: 100 } }),
  ),
  expectation('ip link add d0 type dummy', addLink({ name: 'd0', info: { kind: 'dummy' } })),
  expectation(
    'ip link add blue type vrf table 100',
    addLink({ name: 'blue', info: { kind: 'vrf', table: 100 } }),
  ),
  expectation(
    'ip link add br2 type bridge vlan_filtering 1 vlan_default_pvid 0',
    addLink({ name: 'br2', info: { kind: 'bridge', vlanFiltering: true, vlanDefaultPvid: 0 } }),
  ),
  expectation(
    'ip link set dev v0 netns /proc/self/ns/net name eth0 alias podlace-moved:v0:',
    setLink({ index: V0 }, { netnsFd: NETNS_FD, name: 'eth0', alias: 'podlace-moved:v0:' }),
  ),
  expectation(
    'ip link add wg0 mtu 1420 type wireguard',
    addLink({ name: 'wg0', mtu: 1420, info: { kind: 'wireguard' } }),
  ),
])

const vlan = { pvid: false, untagged: false }
const range = Array.from({ length: 11 }, (_, n) => ({ id: 200 + n, ...vlan }))
checkVectors('bridge-vlan', [
  expectation(
    'bridge vlan add dev v0 vid 100 pvid untagged',
    addBridgeVlans({ index: V0 }, [{ id: 100, pvid: true, untagged: true }]),
  ),
  expectation('bridge vlan add dev v0 vid 200-210', addBridgeVlans({ index: V0 }, range)),
  expectation(
    'bridge vlan add dev br0 vid 100 self',
    addBridgeVlans({ index: BR0, self: true }, [{ id: 100, ...vlan }]),
  ),
  expectation('bridge vlan delete dev v0 vid 1', deleteBridgeVlans({ index: V0 }, [{ id: 1, ...vlan }])),
  expectation(
    'bridge vlan delete dev br0 vid 200-210 self',
    deleteBridgeVlans({ index: BR0, self: true }, range),
  ),
])

checkVectors('address', [
  expectation('ip address add 10.1.0.1/24 dev br0', addAddress({ linkIndex: BR0, address: '10.1.0.1/24' })),
  expectation(
    'ip address add 10.2.0.1/24 broadcast 10.2.0.255 dev br0 label br0:pod noprefixroute',
    addAddress({
      linkIndex: BR0,
      address: '10.2.0.1/24',
      broadcast: '10.2.0.255',
      label: 'br0:pod',
      flags: IFA_F_NOPREFIXROUTE,
    }),
  ),
  expectation(
    'ip address add 10.3.0.1 peer 10.3.0.2/32 dev br0',
    addAddress({ linkIndex: BR0, address: '10.3.0.1/32', peer: '10.3.0.2/32' }),
  ),
  expectation('ip address add 127.0.0.5/8 dev lo', addAddress({ linkIndex: 1, address: '127.0.0.5/8' })),
  expectation(
    'ip address add fd00::1/64 dev br0 nodad',
    addAddress({ linkIndex: BR0, address: 'fd00::1/64', flags: IFA_F_NODAD }),
  ),
  expectation(
    'ip address add fd01::1/64 dev br0 valid_lft 100 preferred_lft 50',
    addAddress({ linkIndex: BR0, address: 'fd01::1/64', validLifetimeS: 100, preferredLifetimeS: 50 }),
  ),
  expectation(
    'ip address replace 10.1.0.1/24 dev br0 scope link',
    replaceAddress({ linkIndex: BR0, address: '10.1.0.1/24', scope: 'link' }),
  ),
  expectation(
    'ip address delete 10.1.0.1/24 dev br0',
    deleteAddress({ linkIndex: BR0, address: '10.1.0.1/24' }),
  ),
])

checkVectors('route', [
  expectation('ip route add 10.5.0.0/16 via 10.1.0.9', addRoute({ dst: '10.5.0.0/16', gateway: '10.1.0.9' })),
  expectation(
    'ip route add 10.244.3.0/24 via 10.244.3.0 dev vx onlink proto 113 metric 10',
    addRoute({
      dst: '10.244.3.0/24',
      gateway: '10.244.3.0',
      linkIndex: VX,
      onlink: true,
      protocol: 113,
      metric: 10,
    }),
  ),
  expectation(
    'ip route add 10.6.0.0/16 dev br0 src 10.1.0.1 mtu 1400 advmss 1360',
    addRoute({
      dst: '10.6.0.0/16',
      linkIndex: BR0,
      prefSrc: '10.1.0.1',
      metrics: { mtu: 1400, advmss: 1360 },
    }),
  ),
  expectation(
    'ip route add default via 10.1.0.9 table 1000',
    addRoute({ dst: '0.0.0.0/0', gateway: '10.1.0.9', table: 1000 }),
  ),
  expectation(
    'ip route add blackhole 10.7.0.0/16 proto static',
    addRoute({ dst: '10.7.0.0/16', type: 'blackhole', protocol: 4 }),
  ),
  expectation(
    'ip route add unreachable 10.8.0.0/16 metric 4096',
    addRoute({ dst: '10.8.0.0/16', type: 'unreachable', metric: 4096 }),
  ),
  expectation(
    'ip route add local 10.9.0.0/16 dev lo table local',
    addRoute({ dst: '10.9.0.0/16', type: 'local', linkIndex: 1, table: 255 }),
  ),
  expectation(
    'ip route add 10.10.0.0/16 via inet6 fd00::9 dev br0',
    addRoute({ dst: '10.10.0.0/16', gateway: 'fd00::9', linkIndex: BR0 }),
  ),
  expectation(
    'ip route add 10.11.0.0/16 nexthop via 10.1.0.9 dev br0 weight 2 nexthop via 10.244.3.0 dev vx onlink',
    addRoute({
      dst: '10.11.0.0/16',
      nextHops: [
        { linkIndex: BR0, weight: 2, flags: 0, gateway: '10.1.0.9' },
        { linkIndex: VX, weight: 1, flags: 4, gateway: '10.244.3.0' },
      ],
    }),
  ),
  expectation(
    'ip route add fd05::/64 via fd00::9 metric 1024 proto 113',
    addRoute({ dst: 'fd05::/64', gateway: 'fd00::9', metric: 1024, protocol: 113 }),
  ),
  expectation(
    'ip route replace 10.5.0.0/16 via 10.1.0.8',
    replaceRoute({ dst: '10.5.0.0/16', gateway: '10.1.0.8' }),
  ),
  expectation(
    'ip route append fd05::/64 via fd00::8 metric 1024 proto 113',
    appendRoute({ dst: 'fd05::/64', gateway: 'fd00::8', metric: 1024, protocol: 113 }),
  ),
  expectation('ip route delete 10.5.0.0/16', deleteRoute({ dst: '10.5.0.0/16' })),
  expectation(
    'ip route delete 10.244.3.0/24 via 10.244.3.0 dev vx proto 113 metric 10',
    deleteRoute({ dst: '10.244.3.0/24', gateway: '10.244.3.0', linkIndex: VX, protocol: 113, metric: 10 }),
  ),
])

checkVectors('rule', [
  expectation(
    'ip rule add from 10.0.0.0/8 lookup 1000 priority 100 protocol 113',
    addRule({ family: 4, src: '10.0.0.0/8', table: 1000, priority: 100, protocol: 113 }),
  ),
  expectation(
    'ip rule add fwmark 0x4000/0x4000 iif br0 oif v0 lookup 200 priority 101',
    addRule({
      family: 4,
      fwmark: { value: 0x4000, mask: 0x4000 },
      iif: 'br0',
      oif: 'v0',
      table: 200,
      priority: 101,
    }),
  ),
  expectation(
    'ip rule add not to 10.1.0.0/16 lookup main priority 102 suppress_prefixlength 0',
    addRule({ family: 4, invert: true, dst: '10.1.0.0/16', priority: 102, suppressPrefixLength: 0 }),
  ),
  expectation(
    'ip -6 rule add to fd00::/8 prohibit priority 103',
    addRule({ family: 6, dst: 'fd00::/8', action: 'prohibit', priority: 103 }),
  ),
  expectation(
    'ip rule add goto 32766 ipproto tcp priority 104',
    addRule({ family: 4, action: 'goto', gotoPriority: 32766, ipProtocol: 6, priority: 104 }),
  ),
  expectation(
    'ip rule delete from 10.0.0.0/8 lookup 1000 priority 100 protocol 113',
    deleteRule({ family: 4, src: '10.0.0.0/8', table: 1000, priority: 100, protocol: 113 }),
  ),
])

const neighbourProtocol = { linkIndex: VX, mac: '02:00:00:00:00:03' }

checkVectors('neighbour', [
  expectation(
    'ip neighbour add 10.244.3.0 lladdr 02:00:00:00:00:03 dev vx protocol 113',
    addNeighbour({ ...neighbourProtocol, address: '10.244.3.0', protocol: 113 }),
  ),
  expectation(
    'ip neighbour replace fd00::3 lladdr 02:00:00:00:00:03 dev vx nud noarp',
    replaceNeighbour({ ...neighbourProtocol, address: 'fd00::3', state: 'noarp' }),
  ),
  expectation(
    'ip neighbour add proxy 10.1.0.77 dev br0',
    addNeighbour({ linkIndex: BR0, address: '10.1.0.77', proxy: true }),
  ),
  expectation(
    'ip neighbour delete 10.244.3.0 dev vx',
    deleteNeighbour({ linkIndex: VX, address: '10.244.3.0' }),
  ),
])

const anyMac = '00:00:00:00:00:00'

checkVectors('fdb', [
  expectation(
    'bridge fdb add 02:00:00:00:00:03 dev vx dst 192.168.77.3',
    addFdb({ linkIndex: VX, mac: '02:00:00:00:00:03', dst: '192.168.77.3' }),
  ),
  expectation(
    'bridge fdb append 00:00:00:00:00:00 dev vx dst 192.168.77.3',
    appendFdb({ linkIndex: VX, mac: anyMac, dst: '192.168.77.3' }),
  ),
  expectation(
    'bridge fdb append 00:00:00:00:00:00 dev vx dst 192.168.77.4 port 4789 vni 5 via v0',
    appendFdb({ linkIndex: VX, mac: anyMac, dst: '192.168.77.4', port: 4789, vni: 5, viaIndex: V0 }),
  ),
  expectation(
    'bridge fdb replace 02:00:00:00:00:03 dev vx dst 192.168.77.4',
    replaceFdb({ linkIndex: VX, mac: '02:00:00:00:00:03', dst: '192.168.77.4' }),
  ),
  expectation(
    'bridge fdb add 02:00:00:00:00:04 dev v0 master static',
    addFdb({ linkIndex: V0, mac: '02:00:00:00:00:04', self: false, state: 'static' }),
  ),
  expectation(
    'bridge fdb delete 02:00:00:00:00:03 dev vx dst 192.168.77.4',
    deleteFdb({ linkIndex: VX, mac: '02:00:00:00:00:03', dst: '192.168.77.4' }),
  ),
])
