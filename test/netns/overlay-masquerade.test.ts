/** Which source address a packet arrives with: under flannel's iptables rules, typed by hand, and under ours. */
import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { sleep, systemClock } from '../../src/base/index.ts'
import type { Family } from '../../src/ip/index.ts'
import { applyOnce, NetlinkKernel } from '../../src/kernel/index.ts'
import type { NetworkConfig } from '../../src/model/index.ts'
import { planNode } from '../../src/overlay/index.ts'
import { DatagramSocket, Netns, socketIn } from '../../src/sys/index.ts'
import { ip } from './agent-nodes.ts'
import { run } from './kernel-harness.ts'

/** One node, its pod, another node, whose pod's address it has itself, and somebody outside. */
const ADDRESSES = {
  4: {
    network: '10.244.0.0/16',
    block: '10.244.1.0/24',
    pod: '10.244.1.2',
    gateway: '10.244.1.1',
    second: '10.244.1.9',
    remotePod: '10.244.2.2',
    remoteBlock: '10.244.2.0/24',
    node: '192.168.77.1',
    remoteNode: '192.168.77.2',
    nodeOutside: '203.0.113.1',
    outside: '203.0.113.9',
    group: '224.0.0.1',
    groups: '224.0.0.0/4',
    linkBits: 24,
    hostBits: 32,
  },
  6: {
    network: 'fd00:10::/48',
    block: 'fd00:10:0:1::/64',
    pod: 'fd00:10:0:1::2',
    gateway: 'fd00:10:0:1::1',
    second: 'fd00:10:0:1::9',
    remotePod: 'fd00:10:0:2::2',
    remoteBlock: 'fd00:10:0:2::/64',
    node: 'fd77::1',
    remoteNode: 'fd77::2',
    nodeOutside: '2001:db8::1',
    outside: '2001:db8::9',
    group: 'ff0e::1:1',
    groups: 'ff00::/8',
    linkBits: 64,
    hostBits: 128,
  },
} as const

const MARKED_PORT = 4001
const OTHERWISE_MARKED_PORT = 4002

/** A node between its pod, another node (whose pod's address it has itself), and the outside. */
class World implements Disposable {
  readonly node = Netns.create()
  readonly pod = Netns.create()
  readonly remote = Netns.create()
  readonly outside = Netns.create()
  private port = 5000

  constructor() {
    for (const netns of this.all()) {
      netns.writeSysctl('ipv6/conf/default/accept_dad', '0')
      netns.writeSysctl('ipv4/conf/all/rp_filter', '0')
      netns.writeSysctl('ipv4/conf/default/rp_filter', '0')
      ip(netns, 'link set lo up')
    }
    for (const name of ['pod', 'remote', 'outside'] as const) this.plug(name)
    this.node.writeSysctl('ipv4/conf/all/forwarding', '1')
    this.node.writeSysctl('ipv6/conf/all/forwarding', '1')
    for (const family of [4, 6] as const) this.configure(family)
  }

  [Symbol.dispose](): void {
    for (const netns of this.all()) netns.close()
  }

  /** The source address with which a datagram arrives. */
  async arrives(flow: Flow, family: Family): Promise<string> {
    const names = ADDRESSES[family]
    const domain = family === 4 ? 'inet' : 'inet6'
    const port = flow.port ?? this.port++
    const open = (netns: Netns) => DatagramSocket.udp(socketIn(netns, domain, 'datagram'))
    const [sender, receiver] = [open(this[flow.from]), open(this[flow.at])]
    try {
      receiver.bind(family === 4 ? '0.0.0.0' : '::', port)
      sender.bind(names[flow.source], 0)
      const source = new Promise<string>(resolve => receiver.onMessage((_, from) => resolve(from.address)))
      sender.send(Buffer.from(flow.what), names[flow.to], port)
      return await Promise.race([source, sleep(systemClock, 3000).then(() => 'nothing')])
    } finally {
      sender.close()
      receiver.close()
    }
  }

  private all(): readonly Netns[] {
    return [this.node, this.pod, this.remote, this.outside]
  }

  private plug(name: 'pod' | 'remote' | 'outside'): void {
    const there = `/proc/${process.pid}/fd/${this[name].fds.netns}`
    ip(this.node, `link add ${name} type veth peer name eth0 netns ${there}`)
    ip(this.node, `link set ${name} up`)
    ip(this[name], 'link set eth0 up')
  }

  private configure(family: Family): void {
    const { linkBits, hostBits, ...to } = ADDRESSES[family]
    const set = (netns: Netns, ...lines: string[]) => {
      for (const line of lines) ip(netns, `-${family} ${line}`)
    }
    set(
      this.node,
      `address add ${to.gateway}/${linkBits} dev pod`,
      `address add ${to.node}/${linkBits} dev remote`,
      `address add ${to.nodeOutside}/${linkBits} dev outside`,
      `route add ${to.remoteBlock} via ${to.remoteNode}`,
      `address add ${to.second}/${hostBits} dev outside`,
      `route add ${to.group} dev outside${family === 6 ? ' table local' : ''}`,
    )
    set(this.pod, `address add ${to.pod}/${linkBits} dev eth0`, `route add default via ${to.gateway}`)
    set(
      this.remote,
      `address add ${to.remoteNode}/${linkBits} dev eth0`,
      `address add ${to.remotePod}/${hostBits} dev lo`,
      `route add default via ${to.node}`,
    )
    set(
      this.outside,
      `address add ${to.outside}/${linkBits} dev eth0`,
      `route add default via ${to.nodeOutside}`,
    )
    // The IPv4 one is of all hosts, who are in it without asking.
    if (family === 6) set(this.outside, `address add ${to.group}/${hostBits} dev eth0 autojoin`)
  }
}

interface Flow {
  readonly what: string
  readonly from: 'node' | 'pod' | 'remote' | 'outside'
  readonly source: 'pod' | 'second' | 'remotePod' | 'nodeOutside' | 'outside'
  readonly to: 'pod' | 'remotePod' | 'outside' | 'group'
  readonly at: 'pod' | 'remote' | 'outside'
  /** Whose address is seen. */
  readonly seen: 'pod' | 'second' | 'remotePod' | 'node' | 'nodeOutside' | 'outside'
  readonly port?: number
}

const flows: readonly Flow[] = [
  { what: 'pod to remote pod', from: 'pod', source: 'pod', to: 'remotePod', at: 'remote', seen: 'pod' },
  { what: 'remote pod to pod', from: 'remote', source: 'remotePod', to: 'pod', at: 'pod', seen: 'remotePod' },
  {
    what: 'host to remote pod',
    from: 'node',
    source: 'nodeOutside',
    to: 'remotePod',
    at: 'remote',
    seen: 'node',
  },
  {
    what: 'host to outside',
    from: 'node',
    source: 'nodeOutside',
    to: 'outside',
    at: 'outside',
    seen: 'nodeOutside',
  },
  { what: 'pod to outside', from: 'pod', source: 'pod', to: 'outside', at: 'outside', seen: 'nodeOutside' },
  {
    what: 'remote pod to outside by way of this node',
    from: 'remote',
    source: 'remotePod',
    to: 'outside',
    at: 'outside',
    seen: 'nodeOutside',
  },
  { what: 'outside to pod', from: 'outside', source: 'outside', to: 'pod', at: 'pod', seen: 'outside' },
  {
    what: 'outside to remote pod',
    from: 'outside',
    source: 'outside',
    to: 'remotePod',
    at: 'remote',
    seen: 'node',
  },
  { what: 'multicast', from: 'node', source: 'second', to: 'group', at: 'outside', seen: 'second' },
  {
    what: 'what kube-proxy marked',
    from: 'pod',
    source: 'pod',
    to: 'outside',
    at: 'outside',
    seen: 'pod',
    port: MARKED_PORT,
  },
  {
    what: 'what somebody else marked',
    from: 'pod',
    source: 'pod',
    to: 'outside',
    at: 'outside',
    seen: 'nodeOutside',
    port: OTHERWISE_MARKED_PORT,
  },
]

/** flannel's rules as they stand in its documentation of 0.28, by the program that its users have. */
function flannelRules(node: Netns, family: Family): void {
  const { network, block, groups } = ADDRESSES[family]
  const masquerade = '-j MASQUERADE --random-fully'
  const rules = [
    '-N FLANNEL-POSTRTG',
    '-A POSTROUTING -j FLANNEL-POSTRTG',
    '-A FLANNEL-POSTRTG -m mark --mark 0x4000/0x4000 -j RETURN',
    `-A FLANNEL-POSTRTG -s ${block} -d ${network} -j RETURN`,
    `-A FLANNEL-POSTRTG -s ${network} -d ${block} -j RETURN`,
    `-A FLANNEL-POSTRTG ! -s ${network} -d ${block} -j RETURN`,
    `-A FLANNEL-POSTRTG -s ${network} ! -d ${groups} ${masquerade}`,
    `-A FLANNEL-POSTRTG ! -s ${network} -d ${network} ${masquerade}`,
  ]
  const program = family === 4 ? 'iptables-nft' : 'ip6tables-nft'
  for (const rule of rules) run(node, [program, '-w', '-t', 'nat', ...rule.split(' ')])
}

async function ourRules(node: Netns, masqueradeRandomFully: boolean): Promise<void> {
  const [v4, v6] = [ADDRESSES[4], ADDRESSES[6]]
  const config: NetworkConfig = {
    apiVersion: 'podlace.dev/v1alpha1',
    kind: 'NetworkConfig',
    metadata: { name: 'default', uid: 'u', resourceVersion: '1', creationTimestamp: '2026-01-01T00:00:00Z' },
    spec: {
      network: v4.network,
      ipv6Network: v6.network,
      backend: { type: 'host-gw' },
      masqueradeRandomFully,
    },
  }
  const { entries } = planNode(config, {
    nodeName: 'node-1',
    podCidrs: [v4.block, v6.block],
    uplink: {
      device: 'remote',
      mtu: 1500,
      addresses: [`${v4.node}/24`, `${v6.node}/64`],
      publicAddress: v4.node,
      publicAddress6: v6.node,
    },
  })
  const kernel = new NetlinkKernel({ netns: node })
  try {
    const outcomes = await applyOnce(
      kernel,
      entries.map(({ value }) => value),
    )
    assert.deepEqual(
      outcomes.flatMap(({ error }) => error ?? []),
      [],
    )
  } finally {
    kernel.close()
  }
}

let world: World

beforeEach(() => {
  world = new World()
  const marks = [
    'table inet marks {',
    'chain prerouting {',
    'type filter hook prerouting priority -150',
    `udp dport ${MARKED_PORT} meta mark set 0x4008`,
    `udp dport ${OTHERWISE_MARKED_PORT} meta mark set 0x8000`,
    '}',
    '}',
  ]
  run(world.node, ['nft', '-f', '-'], `${marks.join('\n')}\n`)
})

afterEach(() => world[Symbol.dispose]())

const rulesets: readonly [what: string, apply: () => void | Promise<void>][] = [
  ['flannel', () => ([4, 6] as const).forEach(family => flannelRules(world.node, family))],
  ['podlace', () => ourRules(world.node, true)],
  ['podlace without random ports', () => ourRules(world.node, false)],
]

for (const [what, apply] of rulesets) {
  describe(`source addresses under the rules of ${what}`, () => {
    for (const family of [4, 6] as const) {
      test(`IPv${family}`, async () => {
        await apply()
        const found: [string, string][] = []
        for (const flow of flows) found.push([flow.what, await world.arrives(flow, family)])
        assert.deepEqual(
          found,
          flows.map(flow => [flow.what, ADDRESSES[family][flow.seen]]),
        )
      })
    }
  })
}
