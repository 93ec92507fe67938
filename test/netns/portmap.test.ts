import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import process from 'node:process'
import { test } from 'node:test'
import { parseBridgeConfig, parsePortmapConfig, planBridge, planPortmap } from '../../src/attach/index.ts'
import { NetlinkKernel } from '../../src/kernel/index.ts'
import { Netns } from '../../src/sys/index.ts'
import { eventually } from './agent-nodes.ts'
import { run } from './kernel-harness.ts'
import { podSpec, WiredPods } from './wired-pods.ts'

const HOST4 = '192.0.2.1'
const HOST6 = '2001:db8::1'

// Where bridges call netfilter, a packet that returns to its pod leaves by the port it came in by.
const BRIDGE = { isDefaultGateway: true, ipMasq: true, hairpinMode: true }

const BACKENDS = ['nftables', 'iptables'] as const

/** Both plugins translate addresses by this backend. */
function plansBy(backend: (typeof BACKENDS)[number]) {
  const bridge = parseBridgeConfig({ ...BRIDGE, ipMasqBackend: backend })
  const bridged = (n: 2 | 3) => (netns: string) => planBridge({ ...podSpec(n), config: bridge }, netns)
  const ports = (portMappings: readonly object[], config: object = {}) =>
    planPortmap({
      network: 'pods',
      containerId: 'c2',
      ifName: 'eth0',
      prevResult: bridged(2)('pod').result,
      config: parsePortmapConfig({ backend, ...config, runtimeConfig: { portMappings } }),
    })
  return { bridged, ports }
}

/** Who answers the host at 127.0.0.1. With iptables nothing that it sends to itself leaves it. */
const byLoopback = { nftables: 'pod 10.1.2.1', iptables: 'host 127.0.0.1' } as const

/** A host with two pods; a client on one side of it, somebody else on the other, and programs that answer. */
class PublishedPods implements Disposable {
  readonly wired = new WiredPods()
  readonly host = this.wired.host
  readonly client: Netns
  readonly beyond: Netns
  private readonly programs: ChildProcess[] = []

  constructor() {
    this.client = this.neighbour('client', 2, '192.0.2', '2001:db8:')
    this.beyond = this.neighbour('beyond', 2, '198.51.100', '2001:db8:1:')
  }

  /** Says its name and who asked. */
  async answer(netns: Netns, name: string, port: number): Promise<void> {
    const program = this.start(netns, 'answer.ts', name, String(port))
    assert.ok(program.stdout !== null)
    await once(program.stdout, 'data')
  }

  start(netns: Netns, fixture: string, ...rest: readonly string[]): ChildProcess {
    const command = [process.execPath, join(import.meta.dirname, 'fixtures', fixture), ...rest]
    const program = spawn('nsenter', ['--net=/proc/self/fd/3', ...command], {
      stdio: ['pipe', 'pipe', 'inherit', netns.fds.netns],
    })
    this.programs.push(program)
    return program
  }

  [Symbol.dispose](): void {
    for (const program of this.programs) program.kill('SIGKILL')
    this.wired[Symbol.dispose]()
    this.client.close()
    this.beyond.close()
  }

  private neighbour(name: string, n: number, net4: string, net6: string): Netns {
    const other = Netns.create()
    // Until a link-local address is known to be the only one, who forwards asks for no neighbour.
    for (const netns of [this.host, other])
      run(netns, ['sysctl', '-qw', 'net.ipv6.conf.default.accept_dad=0'])
    const peer = `/proc/${process.pid}/fd/${other.fds.netns}`
    const lines = [
      `link add ${name} type veth peer name eth0 netns ${peer}`,
      `link set ${name} up`,
      `address add ${net4}.1/24 dev ${name}`,
      `address add ${net6}:1/64 dev ${name} nodad`,
    ]
    const inside = [
      'link set lo up',
      'link set eth0 up',
      `address add ${net4}.${n}/24 dev eth0`,
      `address add ${net6}:${n}/64 dev eth0 nodad`,
      `route add default via ${net4}.1`,
      `-6 route add default via ${net6}:1`,
    ]
    for (const line of lines) run(this.host, ['ip', ...line.split(' ')])
    for (const line of inside) run(other, ['ip', ...line.split(' ')])
    return other
  }
}

/** What is answered: a name and who asked, or nothing. */
function ask(from: Netns, protocol: 'tcp' | 'udp', address: string, port: number): string {
  const script = `exec 3<>/dev/${protocol}/${address}/${port} && echo >&3 && timeout 1 head -n 1 <&3`
  const result = spawnSync('nsenter', ['--net=/proc/self/fd/3', 'timeout', '2', 'bash', '-c', script], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore', from.fds.netns],
  })
  return result.stdout.trim()
}

for (const backend of BACKENDS) {
  const { bridged, ports } = plansBy(backend)

  test(`${backend}: a port of the host leads to the pod, for whoever asks, and nothing else does`, async context => {
    using world = new PublishedPods()
    const { wired, host, client, beyond } = world
    const pod = await wired.attach(bridged(2))
    const neighbour = await wired.attach(bridged(3))
    await wired.attach(() =>
      ports([
        { hostPort: 8080, containerPort: 80 },
        { hostPort: 53, containerPort: 80, protocol: 'udp' },
      ]),
    )
    await world.answer(pod, 'pod', 80)
    await world.answer(beyond, 'beyond', 8080)
    await world.answer(neighbour, 'neighbour', 8080)
    await world.answer(host, 'host', 8080)

    const cases: readonly [
      what: string,
      from: Netns,
      protocol: 'tcp' | 'udp',
      address: string,
      port: number,
      answer: string,
    ][] = [
      ['from outside', client, 'tcp', HOST4, 8080, 'pod 192.0.2.2'],
      ['from outside, by IPv6', client, 'tcp', HOST6, 8080, 'pod 2001:db8::2'],
      ['from outside, by UDP', client, 'udp', HOST4, 53, 'pod 192.0.2.2'],
      ['from outside, by UDP and IPv6', client, 'udp', HOST6, 53, 'pod 2001:db8::2'],
      ['at any address of the host', client, 'tcp', '198.51.100.1', 8080, 'pod 192.0.2.2'],
      ['from the host itself', host, 'tcp', HOST4, 8080, 'pod 192.0.2.1'],
      ['from the host itself, by IPv6', host, 'tcp', HOST6, 8080, 'pod 2001:db8::1'],
      ['from another pod of the subnet', neighbour, 'tcp', HOST4, 8080, 'pod 10.1.2.1'],
      ['from another pod of the subnet, by IPv6', neighbour, 'tcp', HOST6, 8080, 'pod fd00:1::1'],
      ['from the pod itself', pod, 'tcp', HOST4, 8080, 'pod 10.1.2.1'],
      ['from the pod itself, by IPv6', pod, 'tcp', HOST6, 8080, 'pod fd00:1::1'],
      ['not what is on its way through the host', client, 'tcp', '198.51.100.2', 8080, 'beyond 192.0.2.2'],
      [
        'not what is on its way through the host, by IPv6',
        client,
        'tcp',
        '2001:db8:1::2',
        8080,
        'beyond 2001:db8::2',
      ],
      ['not the port of another pod', client, 'tcp', '10.1.2.3', 8080, 'neighbour 192.0.2.2'],
      ['from the host itself, by its loopback address', host, 'tcp', '127.0.0.1', 8080, byLoopback[backend]],
      ['not what the host sends to itself over loopback, by IPv6', host, 'tcp', '::1', 8080, 'host ::1'],
      ['not another protocol', client, 'tcp', HOST4, 53, ''],
      [
        'what a pod sends out takes an address of the host',
        pod,
        'tcp',
        '198.51.100.2',
        8080,
        'beyond 198.51.100.1',
      ],
      ['and by IPv6', pod, 'tcp', '2001:db8:1::2', 8080, 'beyond 2001:db8:1::1'],
      ['but not to other pods of the subnet', pod, 'tcp', '10.1.2.3', 8080, 'neighbour 10.1.2.2'],
      [
        'the pod itself knows who asks without the host in between',
        client,
        'tcp',
        '10.1.2.2',
        80,
        'pod 192.0.2.2',
      ],
    ]
    for (const [what, from, protocol, address, port, answer] of cases) {
      await context.test(what, () => assert.equal(ask(from, protocol, address, port), answer))
    }
  })

  test(`${backend}: one address of the host, everybody masqueraded, conditions, and a Service that comes first`, async () => {
    using world = new PublishedPods()
    const { wired, host, client, beyond } = world
    const pod = await wired.attach(bridged(2))
    const mappings = [
      { hostPort: 8080, containerPort: 80, hostIP: HOST4 },
      { hostPort: 8081, containerPort: 80 },
    ]
    const config = { masqAll: true, conditionsV4: ['!', '-s', '198.51.100.0/24'] }
    await wired.attach(() => ports(mappings, config))
    await world.answer(pod, 'pod', 80)
    await world.answer(beyond, 'beyond', 8081)
    assert.equal(ask(client, 'tcp', HOST4, 8080), 'pod 10.1.2.1')
    assert.equal(ask(client, 'tcp', '198.51.100.1', 8080), '', 'another address of the host')
    assert.equal(ask(beyond, 'tcp', HOST4, 8080), '', 'not under the condition')
    assert.equal(ask(client, 'tcp', HOST4, 8081), 'pod 10.1.2.1')
    const service = [
      'table ip services {',
      'chain prerouting { type nat hook prerouting priority dstnat; tcp dport 8081 dnat to 198.51.100.2; }',
      'chain postrouting { type nat hook postrouting priority srcnat; ip daddr 198.51.100.2 masquerade; }',
      '}',
    ]
    run(host, ['nft', '-f', '-'], service.join('\n'))
    assert.equal(ask(client, 'tcp', HOST4, 8081), 'beyond 198.51.100.1')
  })

  test(`${backend}: a UDP flow that went elsewhere comes to the pod once it is forgotten`, async () => {
    using world = new PublishedPods()
    const { wired, host, client } = world
    const pod = await wired.attach(bridged(2))
    await world.answer(pod, 'pod', 80)
    await world.answer(host, 'host', 53)
    const asker = world.start(client, 'ask-udp.ts', HOST4, '53')
    const answers: string[] = []
    asker.stdout?.on('data', chunk => answers.push(String(chunk).trim()))
    const asked = async () => {
      const count = answers.length
      asker.stdin?.write('?')
      await eventually('an answer', () => answers.length > count || undefined)
      return answers.at(-1)
    }
    assert.equal(await asked(), 'host 192.0.2.2')
    const plan = ports([{ hostPort: 53, containerPort: 80, protocol: 'udp' }])
    await wired.attach(() => plan)
    assert.equal(await asked(), 'host 192.0.2.2', 'the flow is what it was')
    const kernel = new NetlinkKernel({ netns: host })
    assert.equal(await kernel.forgetFlows(plan.staleFlows ?? []), 1)
    assert.equal(await asked(), 'pod 192.0.2.2')
    assert.equal(await kernel.forgetFlows([{ family: 4, protocol: 17, destinationPort: 54 }]), 0)
  })
}

/** Packets to 127.0.0.0/8 that came from elsewhere. */
function dropped(host: Netns): number {
  const rules = run(host, ['nft', 'list', 'chain', 'ip', 'podlace-portmap', 'loopback-only'])
  return Number(/daddr 127\.0\.0\.0\/8 counter packets (\d+)/.exec(rules)?.[1])
}

test('what the host serves to itself is not for its neighbours, whatever they send', async () => {
  using world = new PublishedPods()
  const { wired, host, client } = world
  const unguarded = parseBridgeConfig({ ...BRIDGE, guard: false })
  const pod = await wired.attach(netns => planBridge({ ...podSpec(2), config: unguarded }, netns))
  await wired.attach(() => plansBy('nftables').ports([{ hostPort: 8080, containerPort: 80 }]))
  await world.answer(host, 'host', 9999)
  assert.equal(ask(host, 'tcp', '127.0.0.1', 9999), 'host 127.0.0.1')
  for (const [neighbour, gateway, device] of [
    [pod, '10.1.2.1', 'eth0'],
    [client, '192.0.2.1', 'eth0'],
  ] as const) {
    // A neighbour that wants to: its own kernel lets such packets out, and its own loopback knows nothing of them.
    run(neighbour, [
      'sysctl',
      '-qw',
      `net.ipv4.conf.${device}.route_localnet=1`,
      'net.ipv4.conf.all.route_localnet=1',
    ])
    run(neighbour, ['ip', 'address', 'flush', 'dev', 'lo'])
    run(neighbour, ['ip', 'rule', 'add', 'pref', '0', 'to', '127.0.0.1', 'lookup', '100'])
    run(neighbour, ['ip', 'route', 'add', '127.0.0.1', 'via', gateway, 'dev', device, 'table', '100'])
    run(neighbour, ['ip', 'rule', 'add', 'pref', '1', 'lookup', 'local'])
    run(neighbour, ['ip', 'rule', 'del', 'pref', '0', 'lookup', 'local'])
    const before = dropped(host)
    assert.equal(ask(neighbour, 'tcp', '127.0.0.1', 9999), '')
    assert.ok(dropped(host) > before, 'it came as far as the rule')
  }
})
