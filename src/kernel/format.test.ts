import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Entry } from './entry.ts'
import { formatEntry } from './format.ts'

const route = { kind: 'route', table: 254, metric: 0 } as const
const link = { kind: 'link', claim: 'own', owner: 'overlay', up: true } as const

const cases: [entry: Entry, text: string][] = [
  [
    { ...route, dst: '10.244.3.0/24', gateway: '10.244.3.0', link: 'flannel.1', onlink: true },
    'ip route replace 10.244.3.0/24 via 10.244.3.0 dev flannel.1 onlink proto 113',
  ],
  [
    { ...route, dst: '::/0', gateway: 'fd00::1', link: 'eth0', metric: 1024, mtu: 1400, advmss: 1340 },
    'ip -6 route replace default via fd00::1 dev eth0 mtu 1400 advmss 1340 proto 113',
  ],
  [
    { ...route, dst: '10.0.0.0/8', type: 'blackhole', table: 100, metric: 5 },
    'ip route replace blackhole 10.0.0.0/8 metric 5 table 100 proto 113',
  ],
  [
    {
      ...link,
      type: 'vxlan',
      name: 'flannel.1',
      mtu: 1450,
      mac: '02:00:00:00:00:01',
      vni: 1,
      udpPort: 8472,
      local: '192.168.77.1',
      device: 'eth0',
      learning: false,
      gbp: false,
    },
    'ip link add flannel.1 mtu 1450 address 02:00:00:00:00:01 alias podlace:overlay up ' +
      'type vxlan id 1 local 192.168.77.1 dev eth0 dstport 8472 nolearning',
  ],
  [
    {
      ...link,
      type: 'veth',
      name: 'veth1',
      owner: 'pod default/web-1 eth0',
      master: 'cni0',
      bridgePort: { hairpin: true, isolated: false },
      peer: { name: 'eth0', netns: 'pod', mtu: 1450 },
    },
    "ip link add veth1 master cni0 alias 'podlace:pod default/web-1 eth0' up " +
      'type veth peer name eth0 netns pod mtu 1450 && bridge link set dev veth1 hairpin on isolated off',
  ],
  [{ ...link, claim: 'use', type: 'device', name: 'lo' }, 'ip link set lo up'],
  [
    {
      ...link,
      type: 'bridge',
      name: 'br0',
      vlanFiltering: true,
      vlanDefaultPvid: 0,
      vlans: [{ id: 7 }, { id: 5, pvid: true, untagged: true }, { id: 8 }],
    },
    'ip link add br0 alias podlace:overlay up type bridge vlan_filtering 1 vlan_default_pvid 0' +
      ' && bridge vlan add dev br0 vid 5 pvid untagged self && bridge vlan add dev br0 vid 7-8 self',
  ],
  [
    { ...link, type: 'device', name: 'eth1', claim: 'use', bridgePort: { vlans: [{ id: 9 }] } },
    'ip link set eth1 up && bridge vlan add dev eth1 vid 9',
  ],
  [
    {
      ...link,
      type: 'macvlan',
      name: 'eth0',
      device: 'bond 0',
      deviceNetns: 'host',
      mode: 'vepa',
      broadcastQueueLength: 2000,
    },
    "ip link add eth0 alias podlace:overlay up link 'bond 0' link-netns host type macvlan mode vepa bcqueuelen 2000",
  ],
  [
    { ...link, type: 'ipvlan', name: 'eth0', device: 'eth1', mode: 'l3', flag: 'private', promisc: true },
    'ip link add eth0 promisc on alias podlace:overlay up link eth1 type ipvlan mode l3 private',
  ],
  [
    { ...link, type: 'vlan', name: 'v5', device: 'eth1', id: 5, allmulticast: false, txQueueLength: 10 },
    'ip link add v5 allmulticast off txqueuelen 10 alias podlace:overlay up link eth1 type vlan id 5',
  ],
  [
    { ...link, type: 'ipip', name: 't0', local: '192.0.2.1', pathMtuDiscovery: false },
    'ip link add t0 alias podlace:overlay up type ipip local 192.0.2.1 nopmtudisc',
  ],
  [
    { ...link, type: 'vrf', name: 'blue', table: 100 },
    'ip link add blue alias podlace:overlay up type vrf table 100',
  ],
  [{ ...link, type: 'dummy', name: 'd0' }, 'ip link add d0 alias podlace:overlay up type dummy'],
  [
    { ...link, type: 'device', name: 'eth0', movedFrom: { netns: 'host', name: 'ens5' } },
    'ip -n host link set ens5 netns /proc/$$/ns/net name eth0 && ip link set eth0 alias podlace-moved:ens5: up',
  ],
  [
    {
      ...link,
      type: 'tun',
      name: 'tap0',
      mode: 'tap',
      multiQueue: true,
      ownerUid: 7,
      groupGid: 8,
      madeIn: 'host',
    },
    'ip -n host tuntap add tap0 mode tap user 7 group 8 multi_queue && ' +
      'ip -n host link set tap0 netns /proc/$$/ns/net && ip link set tap0 alias podlace:overlay up',
  ],
  [
    { kind: 'address', link: 'cni0', address: '10.1.2.1/24', noPrefixRoute: true },
    'ip address replace 10.1.2.1/24 dev cni0 noprefixroute',
  ],
  [
    { kind: 'neighbour', link: 'flannel.1', address: '10.244.3.0', mac: '02:00:00:00:00:03' },
    'ip neighbour replace 10.244.3.0 lladdr 02:00:00:00:00:03 dev flannel.1 nud permanent proto 113',
  ],
  [
    { kind: 'fdb', link: 'flannel.1', mac: '02:00:00:00:00:03', dst: '192.168.77.3' },
    'bridge fdb append 02:00:00:00:00:03 dev flannel.1 dst 192.168.77.3 self permanent',
  ],
  [{ ...link, type: 'wireguard', name: 'wg0' }, 'ip link add wg0 alias podlace:overlay up type wireguard'],
  [
    { kind: 'wireguard', link: 'wg0', publicKey: 'AAAA=', listenPort: 51820 },
    'wg set wg0 listen-port 51820 private-key /dev/stdin # whose public half is AAAA=',
  ],
  [
    {
      kind: 'wireguard-peer',
      link: 'wg0',
      publicKey: 'BBBB=',
      endpoint: { address: 'fd00::2', port: 7 },
      allowedIps: ['10.244.2.0/24', 'fd00:2::/64'],
      persistentKeepaliveSeconds: 25,
      presharedKey: 'fingerprint',
    },
    'wg set wg0 peer BBBB= preshared-key /dev/stdin endpoint [fd00::2]:7 persistent-keepalive 25 ' +
      'allowed-ips 10.244.2.0/24,fd00:2::/64',
  ],
  [
    {
      kind: 'qdisc',
      link: 'veth1',
      qdisc: { type: 'tbf', rateBps: 1_000_000, burstBytes: 20_000, limitBytes: 23_125 },
    },
    'tc qdisc replace dev veth1 root handle 71: tbf rate 1000000bit burst 20000b limit 23125b',
  ],
  [
    {
      kind: 'qdisc',
      link: 'veth1',
      qdisc: {
        type: 'htb',
        rateBps: 1_000_000,
        burstBytes: 20_000,
        limitBytes: 23_125,
        by: 'source',
        shaped: 'others',
        prefixes: ['10.0.0.0/8', 'fd00::/8'],
      },
    },
    'tc qdisc replace dev veth1 root handle 71: htb default 1 ' +
      '&& tc class add dev veth1 parent 71: classid 71:1 htb rate 1000000bit burst 20000b ' +
      '&& tc qdisc add dev veth1 parent 71:1 bfifo limit 23125b ' +
      '&& tc filter add dev veth1 parent 71: protocol ip pref 113 u32 match ip src 10.0.0.0/8 classid 71: ' +
      '&& tc filter add dev veth1 parent 71: protocol ipv6 pref 114 u32 match ip6 src fd00::/8 classid 71:',
  ],
  [
    { kind: 'redirect', link: 'veth1', to: 'bwp1' },
    'tc qdisc replace dev veth1 ingress && tc filter add dev veth1 ingress pref 113 protocol all ' +
      'u32 match u32 0 0 action mirred egress redirect dev bwp1',
  ],
  [{ kind: 'offload', link: 'flannel.1', txChecksum: false }, 'ethtool -K flannel.1 tx off'],
  [
    { kind: 'sysctl', path: 'ipv4/conf/flannel.1/rp_filter', value: '2' },
    'sysctl -w net/ipv4/conf/flannel.1/rp_filter=2',
  ],
  [
    { kind: 'rule', family: 4, priority: 100, table: 7, fwmark: { value: 1, mask: 255 }, iif: 'eth0' },
    'ip rule add from all iif eth0 fwmark 0x1/0xff lookup 7 priority 100 protocol 113',
  ],
  [
    {
      kind: 'nft-element',
      family: 'ip',
      table: 't',
      set: 'm',
      key: ['10.0.0.1', '80'],
      value: { do: 'drop' },
    },
    'nft add element ip t m { 10.0.0.1 . 80 : drop }',
  ],
  [
    {
      kind: 'nft-table',
      family: 'inet',
      name: 't',
      sets: [{ name: 'pods', type: 'set', interval: true, key: ['ipv6_addr'] }],
      chains: [
        {
          name: 'post',
          hook: { type: 'nat', hook: 'postrouting', priority: 100, policy: 'accept' },
          rules: [
            {
              comment: 'c',
              match: [
                { on: 'source', set: 'pods' },
                { on: 'destination', prefix: 'ff00::/8', not: true },
                { on: 'mark', value: 0x4000, mask: 0x4000, not: true },
                { on: 'out-link', name: 'eth0' },
              ],
              verdict: { do: 'masquerade', fullyRandom: true },
            },
            { comment: 'c', match: [], verdict: { do: 'mark', value: 0x1000, mask: 0x3000 } },
          ],
        },
      ],
    },
    [
      'table inet t {',
      '  set pods {',
      '    type ipv6_addr',
      '    flags interval',
      '  }',
      '  chain post {',
      '    type nat hook postrouting priority 100; policy accept;',
      '    ip6 saddr @pods ip6 daddr != ff00::/8 meta mark & 0x4000 != 0x4000 oifname "eth0" ' +
        'masquerade fully-random comment "c"',
      '    meta mark set mark and 0xffffcfff xor 0x1000 comment "c"',
      '  }',
      '}',
    ].join('\n'),
  ],
]

const guarded = { comment: 'c', counter: true, verdict: { do: 'drop' } } as const

cases.push([
  {
    kind: 'nft-table',
    family: 'bridge',
    name: 't',
    sets: [
      { name: 'ports', type: 'map', interval: false, key: ['ifname'], value: 'verdict' },
      { name: 'macs', type: 'set', interval: false, key: ['ifname', 'ether_addr'] },
      { name: 'ipv6', type: 'set', interval: false, key: ['ifname', 'ipv6_addr'] },
    ],
    chains: [
      {
        name: 'c',
        rules: [
          { comment: 'c', match: [], verdict: { do: 'map', on: 'in-link', map: 'ports' } },
          { ...guarded, match: [{ on: ['in-link', 'ether-source'], set: 'macs', not: true }] },
          { ...guarded, match: [{ on: ['in-link', 'source'], set: 'ipv6', not: true }] },
          {
            ...guarded,
            match: [
              { on: 'ether-type', number: 0x806, not: true },
              { on: 'protocol', number: 17 },
              { on: 'ip-option', option: 'lsrr' },
              { on: 'connection', states: ['established', 'related'] },
              { on: 'local-destination', not: true },
              { on: 'ether-destination', mac: '01:80:c2:00:00:00', mask: 'ff:ff:ff:ff:ff:f0' },
            ],
          },
        ],
      },
    ],
  },
  [
    'table bridge t {',
    '  map ports {',
    '    type ifname : verdict',
    '  }',
    '  set macs {',
    '    type ifname . ether_addr',
    '  }',
    '  set ipv6 {',
    '    type ifname . ipv6_addr',
    '  }',
    '  chain c {',
    '    iifname vmap @ports comment "c"',
    '    iifname . ether saddr != @macs counter drop comment "c"',
    '    iifname . ip6 saddr != @ipv6 counter drop comment "c"',
    '    ether type != 0x0806 meta l4proto 17 ip option lsrr exists ct state established,related ' +
      'fib daddr type != local ether daddr & ff:ff:ff:ff:ff:f0 == 01:80:c2:00:00:00 counter drop comment "c"',
    '  }',
    '}',
  ].join('\n'),
])

cases.push([
  {
    kind: 'nft-table',
    family: 'ip',
    name: 't',
    sets: [
      {
        name: 'any',
        type: 'map',
        interval: false,
        key: ['inet_proto', 'inet_service'],
        value: ['ipv4_addr', 'inet_service'],
      },
    ],
    chains: [
      {
        name: 'c',
        rules: [
          {
            comment: 'c',
            match: [],
            verdict: { do: 'dnat', on: ['protocol', 'destination-port'], map: 'any' },
          },
          {
            comment: 'c',
            match: [],
            verdict: {
              do: 'dnat',
              on: ['protocol', 'destination-port'],
              map: 'any',
              mark: { value: 0x2000, mask: 0x2000 },
            },
          },
        ],
      },
    ],
  },
  [
    'table ip t {',
    '  map any {',
    '    type inet_proto . inet_service : ipv4_addr . inet_service',
    '  }',
    '  chain c {',
    '    dnat ip addr . port to meta l4proto . th dport map @any comment "c"',
    '    meta mark set mark and 0xffffdfff xor 0x2000 dnat ip addr . port to meta l4proto . th dport map @any comment "c"',
    '  }',
    '}',
  ].join('\n'),
])

for (const [entry, text] of cases) test(text, () => assert.equal(formatEntry(entry), text))

test('no byte of a name changes another word', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', minLength: 1, maxLength: 15 }), name => {
      const text = formatEntry({ ...link, claim: 'use', type: 'device', name })
      const word = text.slice('ip link set '.length, -' up'.length)
      assert.match(word, /^([\w@%+=:,./-]+|'[ -&(-~]*'|\$'([ -&(-[\]-~]|\\x[0-9a-f]{2})*')$/)
    }),
    { numRuns: 300 },
  )
})
