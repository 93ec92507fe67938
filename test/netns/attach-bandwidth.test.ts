import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type Attachment,
  type AttachmentSpec,
  type BandwidthConfig,
  parseBandwidthConfig,
  parsePtpConfig,
  planBandwidth,
  planPtp,
} from '../../src/attach/index.ts'
import { settle, silentLogger, sleep, systemClock } from '../../src/base/index.ts'
import { formatResult } from '../../src/cni/index.ts'
import { Graph } from '../../src/derive/index.ts'
import { diff, type Entry, entryKey, formatEntry, NetlinkKernel, Reconciler } from '../../src/kernel/index.ts'
import { DatagramSocket, NetlinkEvents, Netns, socketIn } from '../../src/sys/index.ts'
import { eventually } from './agent-nodes.ts'
import { run } from './kernel-harness.ts'
import { reaches } from './ping.ts'
import { podSpec, WiredPods } from './wired-pods.ts'

const PLUGIN = '/usr/lib/cni/bandwidth'
const spec: AttachmentSpec = { ...podSpec(1), ips: [{ address: '10.1.2.2/24' }] }

function wired(netns: string): Attachment {
  return planPtp({ ...spec, config: parsePtpConfig({}) }, netns)
}

function hostEnd({ result }: Attachment): string {
  const end = result.interfaces.find(({ sandbox }) => sandbox === undefined)
  assert.ok(end !== undefined)
  return end.name
}

/** A pod on a veth pair, with limits. */
function limited(netns: string, config: BandwidthConfig): Attachment {
  const first = wired(netns)
  const hostInterface = { name: hostEnd(first), mtu: 1500 }
  const then = planBandwidth({ ...spec, config, prevResult: first.result, hostInterface })
  return { ...first, host: [...first.host, ...then.host], result: then.result }
}

/** Rate, burst and latency of each token bucket as `tc` sees them, by the first letters of its link's name. */
function tokenBuckets(netns: Netns): Map<string | undefined, string | undefined> {
  const shown = run(netns, ['tc', '-s', 'qdisc', 'show'])
  const buckets = shown.matchAll(/qdisc tbf \S+ dev (\w{3})\S* root refcnt \d+ (rate .*?) *$/gm)
  return new Map([...buckets].map(([, link, bucket]) => [link, bucket]))
}

/** What the Go plugin says to an ADD in the host's namespace. */
function goAdd(host: Netns, pod: Netns, limits: object): { interfaces: { name: string; mac: string }[] } {
  const prevResult = formatResult(wired('pod').result, '1.0.0')
  const config = { cniVersion: '1.0.0', name: 'pods', type: 'bandwidth', ...limits, prevResult }
  const environment = [
    'CNI_COMMAND=ADD',
    'CNI_CONTAINERID=c1',
    'CNI_IFNAME=eth0',
    'CNI_PATH=/usr/lib/cni',
    `CNI_NETNS=/proc/${process.pid}/fd/${pod.fds.netns}`,
  ]
  return JSON.parse(run(host, ['env', ...environment, PLUGIN], JSON.stringify(config)))
}

/** The beginning of each name, and whether it comes with a MAC. */
function kinds(interfaces: readonly { readonly name: string; readonly mac?: string }[]) {
  return interfaces.map(({ name, mac }) => [name.slice(0, 3), mac !== undefined])
}

const RATES = [
  { ingressRate: 8_000_000, ingressBurst: 800_000, egressRate: 4_000_000, egressBurst: 400_000 },
  { ingressRate: 1_000_000_000, ingressBurst: 80_000_000, egressRate: 8000, egressBurst: 16_000 },
  { ingressRate: 40_000_000_000, ingressBurst: 400_000_000, egressRate: 64_000, egressBurst: 8_000_000 },
]
for (const limits of RATES) {
  test(`as the Go plugin does it: ${JSON.stringify(limits)}`, async () => {
    using ours = new WiredPods()
    using theirs = new WiredPods()
    const config = parseBandwidthConfig(limits)
    await ours.attach(netns => limited(netns, config))
    const said = goAdd(theirs.host, await theirs.attach(wired), limits)
    assert.deepEqual([...tokenBuckets(ours.host).keys()].toSorted(), ['bwp', 'vet'])
    assert.deepEqual(tokenBuckets(ours.host), tokenBuckets(theirs.host))
    assert.deepEqual(kinds(limited('pod', config).result.interfaces), kinds(said.interfaces))
  })
}

test('what passes in a while is a fraction of what passes without a limit, either way', async () => {
  const rate = { rateBps: 800_000, burstBits: 160_000 }
  const ways = { in: [] as number[], out: [] as number[] }
  for (const config of [{}, { ingress: rate, egress: rate }]) {
    using node = new WiredPods()
    const pod = await node.attach(netns => limited(netns, config))
    // The kernel takes its time to find that a new veth has a carrier.
    await reaches(pod, ['10.1.2.1'])
    ways.in.push(await flood(node.host, pod, '10.1.2.2'))
    ways.out.push(await flood(pod, node.host, '10.1.2.1'))
  }
  for (const [way, [free = 0, limited = 0]] of Object.entries(ways)) {
    assert.ok(limited > 0, `${way}: nothing passes`)
    assert.ok(free > 10 * limited, `${way}: ${limited} of ${free} datagrams pass the limit`)
  }
})

test('with subnets, what passes in a while is a fraction for those peers only, or for all but those', async () => {
  const limit = { rateBps: 800_000, burstBits: 160_000 }
  const passed = async (shaped: 'listed' | 'others', prefix: string): Promise<number[]> => {
    using node = new WiredPods()
    const peers = { shaped, prefixes: [prefix] }
    const pod = await node.attach(netns => limited(netns, { ingress: limit, egress: limit, peers }))
    await reaches(pod, ['10.1.2.1'])
    return [await flood(node.host, pod, '10.1.2.2'), await flood(pod, node.host, '10.1.2.1')]
  }
  const held = [await passed('listed', '10.1.2.1/32'), await passed('others', '10.1.3.0/24')].flat()
  const free = [await passed('others', '10.1.2.1/32'), await passed('listed', '10.1.3.0/24')].flat()
  for (const count of held) assert.ok(count > 0 && 10 * count < Math.min(...free), `${held} and ${free} pass`)
})

/** How many of 2000 datagrams arrive that are sent as fast as they can be. */
async function flood(from: Netns, to: Netns, address: string): Promise<number> {
  const sender = DatagramSocket.udp(socketIn(from, 'inet', 'datagram', 0))
  const receiver = DatagramSocket.udp(socketIn(to, 'inet', 'datagram', 0))
  let received = 0
  try {
    receiver.bind(address, 9)
    receiver.onMessage(() => {
      received += 1
    })
    for (let round = 0; round < 200; round += 1) {
      for (let n = 0; n < 10; n += 1) sender.send(new Uint8Array(1400), address, 9)
      await settle()
    }
    await sleep(systemClock, 50)
    return received
  } finally {
    sender.close()
    receiver.close()
  }
}

/** A host whose entries are followed, and a pod. */
class FollowedHost implements AsyncDisposable {
  readonly netns = Netns.create()
  readonly pod = Netns.create()
  private readonly desired = new Graph().source<Entry>('desired')
  private readonly kernel = new NetlinkKernel({
    netns: this.netns,
    openEvents: (protocol, groups, options) => NetlinkEvents.openIn(this.netns, protocol, groups, options),
  })
  private readonly reconciler = new Reconciler({
    kernel: this.kernel,
    desired: this.desired,
    clock: systemClock,
    log: silentLogger,
  })

  async want(entries: readonly Entry[]): Promise<void> {
    if (this.reconciler.counters.passes === 0) await this.reconciler.start()
    this.desired.replace(entries.map(entry => [entryKey(entry), entry]))
    await this.reconciler.run(entries.map(entryKey), { namespaces: new Map([['pod', this.pod]]) })
    await this.reconciler.settled()
    assert.deepEqual(await this.left(), [])
  }

  /** Runs a command inside, after which everything is to be as desired again. */
  async repairs(...command: readonly string[]): Promise<void> {
    const { repairs } = this.reconciler.counters
    run(this.netns, command)
    await eventually(`a repair after ${command.join(' ')}`, async () => {
      return this.reconciler.counters.repairs > repairs && (await this.left()).length === 0 ? true : undefined
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.reconciler.stop()
    this.kernel.close()
    this.pod.close()
    this.netns.close()
  }

  private async left(): Promise<string[]> {
    const kernel = new NetlinkKernel({ netns: this.netns })
    const desired = new Map(this.desired.entries())
    const observed = await kernel.observe(desired.values())
    kernel.close()
    const { operations } = diff(desired, new Map(observed.map(item => [entryKey(item.entry), item])))
    return operations.map(({ op, entry }) => `${op} ${formatEntry(entry)}`)
  }
}

const config = parseBandwidthConfig(RATES[0])

test('what another program takes away or changes comes back, and in the end nothing is left', async () => {
  await using host = new FollowedHost()
  const { host: entries, result } = limited('pod', config)
  const veth = result.interfaces[0]?.name ?? ''
  const shaper = result.interfaces.at(-1)?.name ?? ''
  await host.want(entries)
  const before = tokenBuckets(host.netns)
  await host.repairs('tc', 'qdisc', 'delete', 'dev', veth, 'root')
  await host.repairs('tc', 'qdisc', 'replace', 'dev', shaper, 'root', 'pfifo')
  const faster = ['tbf', 'rate', '1gbit', 'burst', '1m', 'latency', '1ms']
  await host.repairs('tc', 'qdisc', 'change', 'dev', veth, 'root', ...faster)
  await host.repairs('tc', 'filter', 'delete', 'dev', veth, 'ingress')
  await host.repairs('tc', 'qdisc', 'delete', 'dev', veth, 'ingress')
  await host.repairs('ip', 'link', 'delete', shaper)
  assert.deepEqual(tokenBuckets(host.netns), before)
  await host.want([])
  assert.equal(run(host.netns, ['tc', 'qdisc', 'show']), '')
  assert.match(run(host.netns, ['ip', '-br', 'link']), /^lo\s[^\n]*\n$/)
})

test('a hook of another program at the same end works on, and stays when ours goes', async () => {
  await using host = new FollowedHost()
  const { host: entries, result } = limited('pod', config)
  const [veth = ''] = result.interfaces.map(({ name }) => name)
  const base = wired('pod').host
  await host.want(base)
  run(host.netns, ['tc', 'qdisc', 'add', 'dev', veth, 'clsact'])
  const theirs = 'protocol ipv6 pref 1 u32 match u32 0 0 action mirred egress mirror dev lo'
  run(host.netns, ['tc', 'filter', 'add', 'dev', veth, 'ingress', ...theirs.split(' ')])
  await host.want(entries)
  const filters = () => run(host.netns, ['tc', 'filter', 'show', 'dev', veth, 'ingress'])
  assert.match(filters(), /pref 113 u32/)
  assert.match(filters(), /pref 1 u32/)
  await host.want(base)
  assert.doesNotMatch(filters(), /pref 113 u32/)
  assert.match(filters(), /pref 1 u32/)
})

test('parts of a limit for some peers that another program takes away or changes come back', async () => {
  await using host = new FollowedHost()
  const shapedSubnets = ['10.0.0.0/8', 'fd00::/8']
  const { host: entries, result } = limited('pod', parseBandwidthConfig({ ...RATES[0], shapedSubnets }))
  const veth = result.interfaces[0]?.name ?? ''
  await host.want(entries)
  await host.repairs('tc', 'filter', 'delete', 'dev', veth, 'parent', '71:', 'prio', '113')
  const more = ['u32', 'match', 'ip', 'src', '11.0.0.0/8', 'classid', '71:1']
  await host.repairs(
    'tc',
    'filter',
    'add',
    'dev',
    veth,
    'parent',
    '71:',
    'protocol',
    'ip',
    'prio',
    '7',
    ...more,
  )
  await host.repairs('tc', 'qdisc', 'delete', 'dev', veth, 'parent', '71:1')
  await host.repairs('tc', 'class', 'change', 'dev', veth, 'classid', '71:1', 'htb', 'rate', '1gbit')
  await host.repairs('tc', 'qdisc', 'delete', 'dev', veth, 'root')
  await host.repairs('tc', 'qdisc', 'replace', 'dev', veth, 'root', 'handle', '5:', 'pfifo')
  await host.want([])
  assert.doesNotMatch(run(host.netns, ['tc', 'qdisc', 'show']), /htb/)
})
