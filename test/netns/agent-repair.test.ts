/** What happens to a node's part of the overlay behind its agent's back, and that the agent puts it right. */
import assert from 'node:assert/strict'
import { afterEach, test } from 'node:test'
import { formatEntry, NetlinkKernel } from '../../src/kernel/index.ts'
import type { BackendConfig } from '../../src/model/index.ts'
import type { Netns } from '../../src/sys/index.ts'
import { eventually, ip, TestCluster, type TestNode } from './agent-nodes.ts'
import { run } from './kernel-harness.ts'
import { ping } from './ping.ts'

let cluster: TestCluster | undefined

afterEach(async () => {
  await cluster?.close()
  cluster = undefined
})

/** Two nodes with a pod each, named after them, that reach each other. */
async function start(backend: BackendConfig = { type: 'vxlan' }): Promise<readonly [TestNode, TestNode]> {
  cluster = await TestCluster.start(backend)
  const nodes = [cluster.node(1), cluster.node(2)] as const
  for (const node of nodes) await attachPod(node)
  await bothWays(...nodes)
  for (const node of nodes) await node.agent?.reconciler.settled()
  return nodes
}

async function attachPod(node: TestNode): Promise<void> {
  await eventually(`${node.name} ready`, () => node.agent?.notReady() === undefined || undefined)
  const { error } = await node.call('ADD', node.name)
  assert.equal(error, undefined)
}

async function bothWays(one: TestNode, two: TestNode): Promise<void> {
  await reaches(one, two)
  await reaches(two, one)
}

async function reaches(from: TestNode, to: TestNode): Promise<void> {
  const address = to.podCidr.replace('0/24', '2')
  const pod = from.pod(from.name)
  await eventually(`${from.name} to ${to.name}`, async () => (await ping(pod, address)) === 'ok' || undefined)
}

/** All that is in the node's kernel, in the words of the entries. */
async function words(node: TestNode): Promise<readonly string[]> {
  const kernel = new NetlinkKernel({ netns: node.netns })
  try {
    const lines = (await kernel.observe()).map(({ entry }) => formatEntry(entry))
    // The kernel gives itself link-local addresses, and routes for them, when duplicate detection has ended.
    return lines.filter(line => !line.includes('fe80:')).sort()
  } finally {
    kernel.close()
  }
}

/** The node's kernel is again what it was, pods reach each other, and nobody is at work any more. */
async function recovers(node: TestNode, before: readonly string[], other: TestNode): Promise<void> {
  const expected = before.join('\n')
  const isAsBefore = async () => (await words(node)).join('\n') === expected || undefined
  // In vain it is for the comparison to say what differs.
  await eventually(`${node.name} as before`, isAsBefore).catch(() => {})
  assert.equal((await words(node)).join('\n'), expected)
  await bothWays(node, other)
  await node.agent?.reconciler.settled()
  assert.equal((await words(node)).join('\n'), expected)
  // The kernel's events told of it, not the comparison of everything that is made now and then.
  assert.equal(node.agent?.reconciler.counters.audits, 0)
  assert.deepEqual(findings(node), [])
}

function findings({ agent }: TestNode): readonly string[] {
  return (agent?.reconciler.findings ?? []).map(({ message }) => message)
}

/** As another program would, between two looks of the agent. */
function remake(netns: Netns, attributes: string): void {
  ip(netns, 'link delete flannel.1')
  ip(netns, `link add flannel.1 type vxlan ${attributes}`)
}

const damages: readonly [what: string, damage: (node: TestNode) => void][] = [
  ['the device is deleted', ({ netns }) => ip(netns, 'link delete flannel.1')],
  ['the device is set down', ({ netns }) => ip(netns, 'link set flannel.1 down')],
  [
    'the device gets another MAC, as by systemd',
    ({ netns }) => ip(netns, 'link set flannel.1 address 02:00:00:00:00:99'),
  ],
  ['the device is renamed', ({ netns }) => ip(netns, 'link set flannel.1 name other')],
  [
    'the device is made anew by somebody who has our mark and another VNI',
    ({ netns }) => {
      remake(netns, 'id 7 dstport 4789 local 192.168.77.1')
      ip(netns, 'link set flannel.1 alias podlace:overlay up')
    },
  ],
  [
    'the device is made anew by somebody, as it was but for its MAC, address and MTU',
    ({ netns }) => {
      remake(netns, 'id 1 dstport 8472 local 192.168.77.1 dev eth0 nolearning')
      ip(netns, 'link set flannel.1 mtu 1400 up')
      ip(netns, 'address add 10.244.1.77/32 dev flannel.1')
    },
  ],
  [
    'routes, neighbours and FDB entries are flushed',
    ({ netns }) => {
      ip(netns, 'route flush dev flannel.1')
      ip(netns, 'neighbour flush dev flannel.1 nud permanent')
      run(netns, ['bridge', 'fdb', 'flush', 'dev', 'flannel.1'])
    },
  ],
  ['all addresses of the device are flushed', ({ netns }) => ip(netns, 'address flush dev flannel.1')],
  ['the ruleset is flushed', ({ netns }) => run(netns, ['nft', 'flush', 'ruleset'])],
]

for (const [what, damage] of damages) {
  test(`${what}: all is as before`, async () => {
    const [one, two] = await start()
    const before = await words(one)
    damage(one)
    await recovers(one, before, two)
  })
}

test('a device of somebody else, with other attributes, is told of and stays; when it goes, all is as before', async () => {
  const [one, two] = await start()
  const before = await words(one)
  remake(one.netns, 'id 7 dstport 4789 local 192.168.77.1')
  await eventually(
    'a finding',
    () => findings(one).some(text => /wanted link type vxlan/.test(text)) || undefined,
  )
  assert.match(
    findings(one).join('\n'),
    /wanted link .*vni 1.*but there is link .*vni 7.*, which is not ours and stays; remove it/,
  )
  assert.match(ip(one.netns, '-details link show flannel.1'), /vxlan id 7/)
  ip(one.netns, 'link delete flannel.1')
  await recovers(one, before, two)
})

for (const type of ['vxlan', 'host-gw'] as const) {
  test(`${type}: the uplink goes down and up`, async () => {
    const [one, two] = await start({ type })
    const before = await words(one)
    ip(one.netns, 'link set eth0 down')
    await one.agent?.reconciler.settled()
    ip(one.netns, 'link set eth0 up')
    await recovers(one, before, two)
  })

  test(`${type}: the uplink is renamed`, async () => {
    const [one, two] = await start({ type })
    const before = await words(one)
    ip(one.netns, 'link set eth0 down')
    ip(one.netns, 'link set eth0 name ens3')
    ip(one.netns, 'link set ens3 up')
    await recovers(
      one, // The alias of a pod's link tells its name in the pod.
      before.map(line => line.replaceAll(/eth0(?!')/g, 'ens3')).sort(),
      two,
    )
  })

  test(`${type}: the uplink gets another address`, async () => {
    const [one, two] = await start({ type })
    const before = [await words(one), await words(two)]
    ip(one.netns, 'address delete 192.168.77.1/24 dev eth0')
    await one.agent?.reconciler.settled()
    ip(one.netns, 'address add 192.168.77.9/24 dev eth0')
    const [own = [], others = []] = before.map(lines =>
      lines.map(line => line.replaceAll(/192\.168\.77\.1\b/g, '192.168.77.9')).sort(),
    )
    await recovers(one, own, two)
    await recovers(two, others, one)
  })
}

/** What a node says that has no machine, only an object. */
function announced(address: string, mac: string): object {
  return {
    annotations: {
      'flannel.alpha.coreos.com/backend-type': 'vxlan',
      'flannel.alpha.coreos.com/backend-data': JSON.stringify({ VNI: 1, VtepMAC: mac }),
      'flannel.alpha.coreos.com/public-ip': address,
    },
  }
}

test('an agent that was away while nodes left, came and changed makes right what is stale', async () => {
  const [one, two] = await start()
  const { store } = cluster ?? assert.fail()
  const add = (name: string, n: number) =>
    store.create('Node', {
      metadata: { name, ...announced(`192.168.77.${n}`, `02:00:00:00:00:0${n}`) },
      spec: { podCIDR: `10.244.${n}.0/24` },
    })
  await add('leaves', 3)
  await add('changes', 4)
  const about = async (...words_: string[]) =>
    (await words(one)).filter(line => words_.some(word => line.includes(word)))
  await eventually(
    'both',
    async () =>
      (await about('10.244.3.0', '10.244.4.0', '02:00:00:00:00:03', '02:00:00:00:00:04')).length === 6 ||
      undefined,
  )

  await one.stopAgent()
  await store.delete('Node', 'leaves')
  await store.patch('Node', 'changes', { metadata: announced('192.168.77.14', '02:00:00:00:00:14') })
  await add('comes', 5)
  await one.startAgent()
  await eventually('the new one', async () => (await about('10.244.5.0')).length === 2 || undefined)
  await one.agent?.reconciler.settled()
  assert.deepEqual(
    await about('10.244.3.0', '02:00:00:00:00:03', '02:00:00:00:00:04', '192.168.77.3', '192.168.77.4'),
    [],
  )
  assert.deepEqual(await about('10.244.4.0', '02:00:00:00:00:14'), [
    'bridge fdb append 02:00:00:00:00:14 dev flannel.1 dst 192.168.77.14 self permanent',
    'ip neighbour replace 10.244.4.0 lladdr 02:00:00:00:00:14 dev flannel.1 nud permanent proto 113',
    'ip route replace 10.244.4.0/24 via 10.244.4.0 dev flannel.1 onlink scope global proto 113',
  ])
  await bothWays(one, two)
})
