import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { NetlinkFixture } from '../netns/netlink-fixture.ts'

interface Feature {
  readonly name: string
  /** Each must succeed, in a fresh namespace that has a dummy `d0`. */
  readonly make: readonly string[]
  readonly show: string
  readonly expected: RegExp
}

const ipvlan = (mode: string): Feature => ({
  name: `ipvlan ${mode}`,
  make: [`ip link add iv0 link d0 type ipvlan mode ${mode}`],
  show: 'ip -d link show iv0',
  expected: new RegExp(`ipvlan +mode ${mode} `),
})

/** What tests in this folder count on; where one is missing they would fail for another reason than they say. */
const FEATURES: readonly Feature[] = [
  { name: 'dummy', make: [], show: 'ip -d link show d0', expected: /\bdummy\b/ },
  ipvlan('l2'),
  ipvlan('l3'),
  ipvlan('l3s'),
  {
    name: 'macvlan',
    make: ['ip link add mv0 link d0 type macvlan mode bridge'],
    show: 'ip -d link show mv0',
    expected: /macvlan mode bridge/,
  },
  {
    name: 'vlan 802.1Q',
    make: ['ip link add v7 link d0 type vlan id 7'],
    show: 'ip -d link show v7',
    expected: /vlan protocol 802\.1Q id 7 /,
  },
  {
    name: 'vrf',
    make: ['ip link add red type vrf table 10', 'ip link set d0 master red'],
    show: 'ip -d link show d0',
    expected: /vrf_slave table 10/,
  },
  {
    name: 'bridge VLAN filtering',
    make: [
      'ip link add br0 type bridge vlan_filtering 1',
      'ip link set d0 master br0',
      'bridge vlan add dev d0 vid 42 pvid untagged',
    ],
    show: 'bridge vlan show dev d0',
    expected: /42 PVID Egress Untagged/,
  },
  {
    name: 'ipip',
    make: ['ip link add t0 type ipip local 192.0.2.1 remote 192.0.2.2'],
    show: 'ip -d link show t0',
    expected: /ipip .*remote 192\.0\.2\.2/,
  },
  {
    name: 'wireguard',
    make: ['ip link add wg0 type wireguard', 'ip link set wg0 up'],
    show: 'ip -d link show wg0',
    expected: /UP.*\n.*\n? *wireguard/,
  },
  {
    name: 'IPVS',
    make: [
      'ip address add 192.0.2.1/24 dev d0',
      'ip link set d0 up',
      'ipvsadm -A -t 192.0.2.1:80 -s rr',
      'ipvsadm -a -t 192.0.2.1:80 -r 192.0.2.9:8080 -m',
    ],
    show: 'ipvsadm -Ln',
    expected: /TCP +192\.0\.2\.1:80 rr\n +-> 192\.0\.2\.9:8080 +Masq/,
  },
  {
    name: 'netem',
    make: ['tc qdisc add dev d0 root netem delay 30ms loss 5%'],
    show: 'tc qdisc show dev d0',
    expected: /netem .*delay 30ms loss 5%/,
  },
  {
    name: 'ifb with tbf behind mirred',
    make: [
      'ip link add ifb0 type ifb',
      'tc qdisc add dev ifb0 root tbf rate 8mbit burst 16kb latency 25ms',
      'tc qdisc add dev d0 clsact',
      'tc filter add dev d0 ingress protocol all u32 match u32 0 0 action mirred egress redirect dev ifb0',
    ],
    show: 'tc -s filter show dev d0 ingress',
    expected: /mirred \(Egress Redirect to device ifb0\)/,
  },
  {
    // Making one takes a program that speaks its protocol; that the family answers shows that the module is in.
    name: 'Open vSwitch datapath',
    make: [],
    show: 'genl ctrl get name ovs_datapath',
    expected: /Name: ovs_datapath/,
  },
  {
    name: 'nftables bridge meta',
    make: [
      'nft add table bridge t',
      'nft add chain bridge t c { type filter hook forward priority 0; }',
      'nft add rule bridge t c meta ibrname "br0" drop',
    ],
    show: 'nft list table bridge t',
    expected: /meta ibrname "br0" drop/,
  },
]

describe('the kernel of the guest has', () => {
  for (const { name, make, show, expected } of FEATURES) {
    test(name, () => {
      using namespace = new NetlinkFixture()
      for (const command of ['ip link add d0 type dummy', ...make]) namespace.run(...command.split(' '))
      assert.match(namespace.run(...show.split(' ')), expected)
    })
  }
})
