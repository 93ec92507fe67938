import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { afterEach, test } from 'node:test'
import { SERVICE_UID } from '../../src/lab/index.ts'
import { eventually, ip } from './agent-nodes.ts'
import { LoneAgent } from './lone-agent.ts'

let node: LoneAgent

afterEach(() => node.close())

async function started(): Promise<LoneAgent> {
  node = new LoneAgent()
  await node.start()
  return node
}

test('an agent without root attaches a pod through the shim, and DEL leaves nothing', async () => {
  await started()
  const before = await node.hostState()
  const { exitCode, output } = node.call('ADD', 'a')
  assert.deepEqual([exitCode, output.ips?.[0]?.address], [0, '10.244.1.2/24'])
  assert.match(ip(node.pod('a'), '-br address show eth0'), /10\.244\.1\.2\/24/)
  assert.match(ip(node.pod('a'), 'route'), /default via 10\.244\.1\.1 dev eth0/)
  assert.equal(node.call('CHECK', 'a').exitCode, 0)
  assert.equal(node.call('STATUS', 'a').exitCode, 0)
  assert.equal(node.call('DEL', 'a').exitCode, 0)
  const left = (await node.hostState()).filter(key => !before.includes(key) && !isShared(key))
  assert.deepEqual(left, [])
})

for (const step of ['prepared', 'host wired', 'pod wired', 'synced', 'done']) {
  test(`killed in ADD at "${step}": after restart and DEL nothing remains and the address is not lost`, async () => {
    await started()
    node.call('ADD', 'other')
    const before = await node.hostState()
    await node.kill()
    await node.start(step)
    const cut = node.call('ADD', 'a')
    assert.equal(cut.output.code, 11, 'the runtime is told to try again')
    assert.notEqual(cut.exitCode, 0)
    await node.died()
    await node.start()
    assert.equal(node.call('DEL', 'a').exitCode, 0)
    assert.deepEqual(await node.hostState(), before)
    assert.equal(node.call('CHECK', 'other').exitCode, 0)
    const again = node.call('ADD', 'a')
    assert.equal(again.exitCode, 0, JSON.stringify(again.output))
  })
}

for (const step of ['unplugged', 'released', 'forgotten']) {
  test(`killed in DEL at "${step}": the shim's tombstone is carried out at the next start`, async () => {
    await started()
    node.call('ADD', 'other')
    const before = await node.hostState()
    await node.kill()
    await node.start(step)
    node.call('ADD', 'a')
    assert.equal(node.call('DEL', 'a').exitCode, 0)
    await node.died()
    assert.equal(fs.readdirSync(path.join(node.stateDir, 'tombstones')).length, 1)
    await node.start()
    assert.deepEqual(fs.readdirSync(path.join(node.stateDir, 'tombstones')), [])
    assert.deepEqual(await node.hostState(), before)
  })
}

test('no agent: ADD says try again (11), STATUS unavailable (50), DEL succeeds and happens later', async () => {
  await started()
  const before = await node.hostState()
  node.call('ADD', 'a')
  await node.kill()
  assert.equal(node.call('ADD', 'b').output.code, 11)
  assert.equal(node.call('STATUS', 'b').output.code, 50)
  assert.equal(node.call('DEL', 'a').exitCode, 0)
  await node.start()
  const left = (await node.hostState()).filter(key => !before.includes(key) && !isShared(key))
  assert.deepEqual(left, [])
})

/** What a runtime gives to each plugin of a chain. */
function chain(): [object, object, object] {
  const leases = path.join(node.directory, 'leases')
  fs.mkdirSync(leases)
  fs.chownSync(leases, SERVICE_UID, SERVICE_UID)
  const ipam = { type: 'host-local', subnet: '10.9.0.0/29', dataDir: leases }
  const portMappings = [{ hostPort: 8080, containerPort: 80, protocol: 'tcp' }]
  const bandwidth = { ingressRate: 1_000_000, ingressBurst: 100_000 }
  const name = 'lan'
  return [
    { name, type: 'bridge', bridge: 'cni0', ipam },
    { name, type: 'portmap', runtimeConfig: { portMappings } },
    { name, type: 'bandwidth', runtimeConfig: { bandwidth } },
  ]
}

test('no agent: of every plugin of a chain the DEL happens later, whatever of the chain is called', async () => {
  await started()
  const before = await node.hostState()
  const left = async (beyond: readonly string[]) =>
    (await node.hostState()).filter(key => !beyond.includes(key) && !isShared(key))
  const [bridge, portmap, bandwidth] = chain()
  const alone = node.call('ADD', 'a', bridge)
  const withBridge = await node.hostState()
  const mapped = node.call('ADD', 'a', { ...portmap, prevResult: alone.output })
  const { output: prevResult, exitCode } = node.call('ADD', 'a', { ...bandwidth, prevResult: mapped.output })
  assert.equal(exitCode, 0, JSON.stringify(prevResult))
  assert.notDeepEqual(await left(withBridge), [])

  await node.kill()
  for (const plugin of [bandwidth, portmap, bandwidth])
    assert.equal(node.call('DEL', 'a', { ...plugin, prevResult }).exitCode, 0)
  assert.equal(fs.readdirSync(path.join(node.stateDir, 'tombstones')).length, 2)
  await node.start()
  await eventually(
    'the end of what was chained',
    async () => (await left(withBridge)).length === 0 || undefined,
  )
  assert.deepEqual(
    (await left(before)).filter(key => key.startsWith('link veth')),
    withBridge.filter(key => key.startsWith('link veth')),
  )

  await node.kill()
  assert.equal(node.call('DEL', 'a', { ...bridge, prevResult }).exitCode, 0)
  await node.start()
  await eventually('the end of the interface', async () => (await left(before)).length === 0 || undefined)
  const leases = fs.readdirSync(path.join(node.directory, 'leases/lan'))
  assert.deepEqual(
    leases.filter(name => name.startsWith('10.')),
    [],
  )
})

test('DEL after the namespace is gone releases everything', async () => {
  await started()
  node.call('ADD', 'a')
  node.pods.get('a')?.close()
  node.pods.delete('a')
  assert.equal(node.call('DEL', 'a', {}, '/nonexistent').exitCode, 0)
  const veths = (await node.hostState()).filter(key => key.includes('veth'))
  assert.deepEqual(veths, [])
})

test('an interface of that name in the pod is refused, and nothing of the ADD remains', async () => {
  await started()
  ip(node.pod('a'), 'link add eth0 type bridge')
  const before = await node.hostState()
  const { exitCode, output } = node.call('ADD', 'a')
  assert.equal(output.code, 101, output.msg)
  assert.notEqual(exitCode, 0)
  await eventually('the undo', async () => {
    const left = (await node.hostState()).filter(key => !before.includes(key) && !isShared(key))
    return left.length === 0 || undefined
  })
  assert.match(ip(node.pod('a'), '-d link show eth0'), /bridge/)
})

test('the host namespace itself as CNI_NETNS is refused before anything is done (8)', async () => {
  await started()
  const before = await node.hostState()
  const self = `/proc/${process.pid}/fd/${node.netns.fds.netns}`
  const { output } = node.call('ADD', 'a', {}, self)
  assert.equal(output.code, 8, output.msg)
  assert.deepEqual(await node.hostState(), before)
})

/** The bridge and the tables that pods have elements in are the network's, not a pod's. */
function isShared(key: string): boolean {
  return key.includes('cni0') || /^nft-table .* podlace-(guard|portmap)$|podlace-guard tunnels/.test(key)
}
