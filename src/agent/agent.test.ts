import assert from 'node:assert/strict'
import { afterEach, test } from 'node:test'
import { AgentBench } from './testing/agent-bench.ts'

let bench: AgentBench

afterEach(() => bench.stop())

async function ready(): Promise<AgentBench> {
  bench = await AgentBench.ready()
  return bench
}

test('an agent without network or node refuses pods with a reason and status 50', async () => {
  bench = await AgentBench.start()
  await bench.quiet()
  const add = await bench.add('a')
  assert.equal(add.error?.code, 11)
  assert.match(add.error?.msg ?? '', /there is no Node node-1/)
  const status = await bench.call('STATUS', 'a')
  assert.equal(status.error?.code, 50)
})

test('an agent that stands alone is ready, serves standard plugins, and has no pod network', async () => {
  bench = await AgentBench.start({ standsAlone: true })
  await bench.quiet()
  assert.equal(bench.agent.notReady(), undefined)
  const add = await bench.add('a')
  assert.equal(add.error?.code, 11)
  assert.match(add.error?.msg ?? '', /follows no API server/)
  assert.equal((await bench.call('STATUS', 'a')).error?.code, 50)
  const lan = { name: 'lan', type: 'bridge', bridge: 'br0' }
  assert.deepEqual(await bench.call('STATUS', 'a', lan), {})
  assert.equal((await bench.call('ADD', 'a', lan)).error, undefined)
  await bench.restart()
  assert.ok(bench.kernelHas('link br0'))
  assert.deepEqual(await bench.call('CHECK', 'a', lan), {})
  await bench.call('DEL', 'a', lan)
  await bench.call('GC', 'a', { ...lan, 'cni.dev/valid-attachments': [] })
  assert.deepEqual(bench.hostState(), [])
})

test('a peer that appears yields a route, a neighbour and an FDB entry, and takes them along when it leaves', async () => {
  await ready()
  await bench.addPeer('node-3', '192.168.77.3', '10.244.3.0/24', '02:00:00:00:00:03')
  await bench.quiet()
  assert.deepEqual(bench.commandsAbout('10.244.3.0', '02:00:00:00:00:03'), [
    'bridge fdb append 02:00:00:00:00:03 dev flannel.1 dst 192.168.77.3 self permanent',
    'ip neighbour replace 10.244.3.0 lladdr 02:00:00:00:00:03 dev flannel.1 nud permanent proto 113',
    'ip route replace 10.244.3.0/24 via 10.244.3.0 dev flannel.1 onlink scope global proto 113',
  ])
  await bench.store.delete('Node', 'node-3')
  await bench.quiet()
  assert.deepEqual(bench.commandsAbout('10.244.3.0', '02:00:00:00:00:03'), [])
})

test('a hostile annotation is a finding on its node and harms nobody else', async () => {
  await ready()
  await bench.addPeer('node-2', '192.168.77.2', '10.244.2.0/24', '$(reboot)')
  await bench.addPeer('node-3', '192.168.77.3', '10.244.3.0/24', '02:00:00:00:00:03')
  await bench.quiet()
  assert.ok(bench.kernelHas('route 10.244.3.0/24 table 254 metric 0'))
  assert.ok(!bench.kernelHas('route 10.244.2.0/24 table 254 metric 0'))
  const findings = Array.from(bench.agent.plans.findings.entries(), ([, finding]) => finding)
  assert.deepEqual(
    findings.map(({ object }) => object),
    ['Node node-2'],
  )
})

test('ADD wires both ends and answers with the address; DEL leaves nothing; a second DEL is fine', async () => {
  await ready()
  const before = bench.hostState()
  const { result } = await bench.add('a')
  assert.equal(result?.ips?.[0]?.address, '10.244.1.2/24')
  assert.deepEqual(
    bench.podState('a').filter(key => key.startsWith('address 10') || key.startsWith('route 0')),
    ['address 10.244.1.2/24 dev eth0', 'route 0.0.0.0/0 table 254 metric 0'],
  )
  assert.deepEqual((await bench.call('CHECK', 'a')).error, undefined)
  for (const _ of [1, 2]) assert.deepEqual(await bench.call('DEL', 'a'), {})
  await bench.quiet()
  const left = bench
    .hostState()
    .filter(
      key =>
        !before.includes(key) &&
        !/cni0|all\/forwarding|nft-table .* podlace-guard|podlace-guard tunnels/.test(key),
    )
  assert.deepEqual(left, [])
})

test('an ADD that is there already is refused and changes nothing', async () => {
  await ready()
  await bench.add('a')
  const before = bench.hostState()
  const again = await bench.add('a')
  assert.match(again.error?.msg ?? '', /attached already/)
  assert.deepEqual(bench.hostState(), before)
})

test('whichever kernel operation of an ADD is refused, nothing of it remains and the address is not lost', async () => {
  await ready()
  await bench.add('first')
  const before = bench.hostState()
  const operations = await bench.countOperations(() => bench.add('probe'))
  await bench.call('DEL', 'probe')
  for (let n = 0; n < operations; n += 1) {
    bench.refuseOperation(n)
    const reply = await bench.add(`broken-${n}`)
    bench.refuseNothing()
    if (reply.error === undefined) await bench.call('DEL', `broken-${n}`)
    await bench.quiet()
    assert.deepEqual(bench.hostState(), before, `operation ${n} refused`)
    assert.equal(bench.agent.attached.size, 1)
  }
  assert.ok(operations > 5, `${operations} operations`)
})

test('what an ADD stands on is taken away while word of that is late: it is made again, and the ADD succeeds', async () => {
  await ready()
  await bench.add('first')
  bench.refuseOnce(({ op, entry }) => op === 'create' && entry.kind === 'nft-element', 'ENOENT')
  assert.equal((await bench.add('a')).error, undefined)
  assert.equal((await bench.call('CHECK', 'a')).error, undefined)
})

test('an agent killed at any step of ADD: after restart and DEL nothing remains, and the next ADD works', async () => {
  for (const step of ['prepared', 'host wired', 'pod wired', 'synced', 'done']) {
    await ready()
    await bench.add('other')
    const before = bench.hostState()
    await bench.crashAt(step, () => bench.add('a'))
    await bench.restart()
    await bench.quiet()
    assert.deepEqual(await bench.call('DEL', 'a'), {}, step)
    await bench.quiet()
    assert.deepEqual(bench.hostState(), before, step)
    bench.freshPod('a')
    const { result } = await bench.add('a')
    assert.ok(result !== undefined, step)
    assert.notEqual(result.ips?.[0]?.address, '10.244.1.2/24')
    await bench.stop()
  }
})

test('an agent killed at any step of DEL: the DEL tried again succeeds and leaves nothing', async () => {
  for (const step of ['unplugged', 'released', 'forgotten']) {
    await ready()
    await bench.add('other')
    const before = bench.hostState()
    await bench.add('a')
    await bench.crashAt(step, () => bench.call('DEL', 'a'))
    await bench.restart()
    await bench.quiet()
    assert.deepEqual(await bench.call('DEL', 'a'), {}, step)
    await bench.quiet()
    assert.deepEqual(bench.hostState(), before, step)
    await bench.stop()
  }
})

test('a restart over programmed peers and pods writes nothing', async () => {
  await ready()
  for (let n = 2; n < 40; n += 1) {
    await bench.addPeer(
      `node-${n}`,
      `192.168.77.${n}`,
      `10.244.${n}.0/24`,
      `02:00:00:00:00:${n.toString(16).padStart(2, '0')}`,
    )
  }
  await bench.add('a')
  await bench.quiet()
  const before = bench.hostState()
  await bench.restart()
  await bench.quiet()
  assert.deepEqual(bench.agent.reconciler.history(), [])
  assert.equal(bench.agent.reconciler.counters.operations, 0)
  assert.deepEqual(bench.hostState(), before)
})

test('the store away: pods are still attached, nothing is deleted; the own Node gone: no new pods, old ones stay', async () => {
  await ready()
  await bench.addPeer('node-3', '192.168.77.3', '10.244.3.0/24', '02:00:00:00:00:03')
  await bench.add('a')
  await bench.quiet()
  const before = bench.hostState()
  await bench.store.delete('Node', 'node-1')
  await bench.quiet()
  assert.deepEqual(bench.hostState(), before)
  const refused = await bench.add('b')
  assert.equal(refused.error?.code, 11)
})

test('a block that passes to another node cuts this one off; one that is only reserved does not', async () => {
  await ready()
  const claim = { cidr: '10.244.1.0/24', nodeName: 'node-1', nodeUID: 'u' }
  await bench.store.create('PodBlock', { metadata: { name: '10.244.1.0-24' }, spec: claim })
  await bench.add('a')
  await bench.store.delete('Node', 'node-1')
  await bench.quiet()
  assert.ok(bench.kernelHas('link flannel.1'))
  await bench.store.delete('PodBlock', '10.244.1.0-24')
  await bench.until('the device to go', () => !bench.kernelHas('link flannel.1'))
  assert.match((await bench.add('b')).error?.msg ?? '', /given up/)
  const other = { ...claim, nodeName: 'node-9' }
  await bench.store.create('PodBlock', { metadata: { name: '10.244.1.0-24' }, spec: other })
  await bench.until('the reason', () => /belongs to Node node-9/.test(bench.agent.notReady() ?? ''))
})

test('a node that is removed and added again tells its peers anew how to reach it', async () => {
  await ready()
  const told = async () => (await bench.store.get('Node', 'node-1')).metadata.annotations ?? {}
  const before = await told()
  assert.ok(Object.keys(before).length > 2)
  await bench.store.delete('Node', 'node-1')
  await bench.quiet()
  await bench.addNode('node-1', '192.168.77.1', '10.244.1.0/24')
  await bench.quiet()
  assert.deepEqual(await told(), before)
})

test('GC removes what the runtime no longer knows, and the network with the last of it', async () => {
  await ready()
  const before = bench.hostState()
  await bench.add('a')
  await bench.add('b')
  await bench.call('GC', '', { 'cni.dev/valid-attachments': [{ containerID: 'b', ifname: 'eth0' }] })
  assert.deepEqual(
    [...bench.agent.attached.entries()].map(([key]) => key),
    ['b/eth0'],
  )
  await bench.call('GC', '', { 'cni.dev/valid-attachments': [] })
  await bench.quiet()
  assert.deepEqual(bench.hostState(), before)
})

test('pods that are there are kept from the port that the overlay changes to', async () => {
  await ready()
  await bench.add('a')
  const guarded = (port: number) =>
    bench.hostState().filter(key => key.includes('podlace-guard tunnels') && key.includes(String(port)))
  assert.deepEqual([guarded(8472).length, guarded(4789).length], [2, 0])
  await bench.store.patch('NetworkConfig', 'default', { spec: { backend: { type: 'vxlan', port: 4789 } } })
  await bench.quiet()
  assert.equal(guarded(4789).length, 2)
})

test('pods are kept from the port at which a peer still takes packets, until it takes them at another', async () => {
  await ready()
  await bench.add('a')
  const guarded = (port: number) =>
    bench.hostState().filter(key => key.includes('podlace-guard tunnels') && key.includes(String(port)))
  await bench.addPeer('node-3', '192.168.77.3', '10.244.3.0/24', '02:00:00:00:00:03')
  const tellPort = async (port: string | null) => {
    const annotations = { 'flannel.alpha.coreos.com/backend-port': port }
    await bench.store.patch('Node', 'node-3', { metadata: { annotations } })
    await bench.quiet()
  }
  await tellPort('4790')
  assert.deepEqual([guarded(8472).length, guarded(4790).length], [2, 2])
  await tellPort(null)
  assert.deepEqual([guarded(8472).length, guarded(4790).length], [2, 0])
})

test('a deleted veth is a CHECK error that says what is missing', async () => {
  await ready()
  await bench.add('a')
  bench.deletePodRoute('a')
  const { error } = await bench.call('CHECK', 'a')
  assert.match(error?.msg ?? '', /in the pod: route 0.0.0.0\/0 .* is missing/)
})

test('every reason in the admin page leads to an object', async () => {
  await ready()
  await bench.addPeer('node-3', '192.168.77.3', '10.244.3.0/24', '02:00:00:00:00:03')
  await bench.add('a', 'default/web-1')
  await bench.quiet()
  const pages = bench.view().entries() as { key: string; because: string[] }[]
  const because = (part: string) => pages.find(({ key }) => key.startsWith(part))?.because
  assert.deepEqual(because('route 10.244.3.0/24')?.slice(0, 2), ['Node node-3', 'NetworkConfig default'])
  assert.deepEqual(because('link veth'), ['Pod default/web-1'])
})

for (const [what, network, podCidr, reason] of [
  [
    'overlaps the underlay',
    '192.168.0.0/16',
    '192.168.5.0/24',
    /192\.168\.0\.0\/16 .* overlaps the underlay 192\.168\.77\.0\/24/,
  ],
  [
    'has no room for a pod',
    '10.244.0.0/16',
    '10.244.1.0/31',
    /10\.244\.1\.0\/31 has no address for a pod .* \/30/,
  ],
  [
    'is outside of the network',
    '10.244.0.0/16',
    '10.99.1.0/24',
    /10\.99\.1\.0\/24 of Node node-1 is no block/,
  ],
] as const) {
  test(`a pod CIDR that ${what} is not taken up, and the node says why`, async () => {
    bench = await AgentBench.start()
    const before = bench.hostState()
    await bench.addNetwork({ spec: { network, backend: { type: 'vxlan' } } })
    await bench.addNode('node-1', '192.168.77.1', podCidr)
    await bench.quiet()
    const { error } = await bench.add('a')
    assert.equal(error?.code, 11)
    assert.match(error?.msg ?? '', reason)
    assert.deepEqual(bench.hostState(), before)
  })
}

test('the smallest block, a /30, serves its one pod and then says that it is full', async () => {
  bench = await AgentBench.start()
  await bench.addNetwork({
    spec: { network: '10.244.0.0/28', subnetLength: 30, backend: { type: 'host-gw' } },
  })
  await bench.addNode('node-1', '192.168.77.1', '10.244.0.4/30')
  await bench.quiet()
  assert.equal((await bench.add('a')).result?.ips?.[0]?.address, '10.244.0.6/30')
  assert.match((await bench.add('b')).error?.msg ?? '', /all addresses of 10\.244\.0\.4\/30 are held/)
})

test('of two nodes with overlapping pod CIDRs one is routed to, and the other is told', async () => {
  await ready()
  await bench.addPeer('node-2', '192.168.77.2', '10.244.2.0/24', '02:00:00:00:00:02')
  await bench.addPeer('node-3', '192.168.77.3', '10.244.2.0/25', '02:00:00:00:00:03')
  await bench.addPeer('node-4', '192.168.77.4', '10.244.1.0/24', '02:00:00:00:00:04')
  await bench.quiet()
  assert.ok(bench.kernelHas('route 10.244.2.0/24 table 254 metric 0'))
  assert.ok(!bench.kernelHas('route 10.244.2.0/25 table 254 metric 0'))
  const told = Array.from(bench.agent.plans.findings.entries(), ([, { object }]) => object).sort()
  assert.deepEqual(told, ['Node node-3', 'Node node-4'])
})

test('lo is refused as the name of an attachment, before anything is made', async () => {
  await ready()
  const before = bench.hostState()
  const { error } = await bench.call('ADD', 'a', {}, undefined, 'lo')
  assert.equal(error?.code, 4)
  assert.match(error?.msg ?? '', /CNI_IFNAME is lo, .* such as eth0/)
  assert.deepEqual(bench.hostState(), before)
})

test('metrics say what the agent holds and has done, twice the same at rest', async () => {
  await ready()
  await bench.add('a')
  await bench.quiet()
  const series = async () =>
    (await bench.view().metrics())
      .split('\n')
      .filter(line => /podlace_agent_(attach|ready|kernel)/.test(line))
  const lines = await series()
  assert.ok(lines.includes('podlace_agent_attachments_count 1'))
  assert.ok(lines.includes('podlace_agent_ready_info 1'))
  assert.ok(lines.includes('# TYPE podlace_agent_kernel_operations_total counter'))
  const { operations } = bench.agent.reconciler.counters
  assert.ok(lines.includes(`podlace_agent_kernel_operations_total ${operations}`))
  assert.deepEqual(await series(), lines)
})
