import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterEach, test } from 'node:test'
import type { AttachmentRecord } from './attachments/record.ts'
import { Journal } from './journal/index.ts'
import { AgentBench } from './testing/agent-bench.ts'

let bench: AgentBench

afterEach(() => bench.stop())

async function ready(podCidr?: string): Promise<void> {
  bench = await AgentBench.ready(podCidr)
}

test('an ADD that comes while a DEL without a record runs keeps its address', async () => {
  await ready('10.244.1.0/29')
  const [removed, added] = await Promise.all([bench.call('DEL', 'a'), bench.add('a')])
  assert.deepEqual(removed, {})
  assert.ok(added.result !== undefined)
  const again = await bench.call('ADD', 'b', { runtimeConfig: { ips: ['10.244.1.2'] } })
  assert.match(again.error?.msg ?? '', /10\.244\.1\.2 .*a\/eth0/)
})

test('DEL for another network, as it follows a refused ADD, leaves the attachment and its address alone', async () => {
  await ready()
  await bench.add('a')
  assert.match((await bench.call('ADD', 'a', { name: 'other' })).error?.msg ?? '', /attached already/)
  assert.deepEqual(await bench.call('DEL', 'a', { name: 'other' }), {})
  assert.deepEqual(await bench.call('CHECK', 'a'), {})
  const again = await bench.call('ADD', 'b', { runtimeConfig: { ips: ['10.244.1.2'] } })
  assert.match(again.error?.msg ?? '', /10\.244\.1\.2 .*a\/eth0/)
})

test('an ADD that cannot be planned gives its address back', async () => {
  await ready()
  const { error } = await bench.call('ADD', 'a', { runtimeConfig: { mac: 'ff:ff:ff:ff:ff:ff' } })
  assert.match(error?.msg ?? '', /multicast/)
  const again = await bench.call('ADD', 'b', { runtimeConfig: { ips: ['10.244.1.2'] } })
  assert.match(again.error?.msg ?? '', /released a moment ago/)
})

test('fifty ADDs at once: one refused operation fails those that needed it, and nobody else', async () => {
  for (const refused of [0, 7, 55, 130]) {
    await ready()
    bench.refuseOperation(refused)
    const replies = await Promise.all(Array.from({ length: 50 }, (_, n) => bench.add(`pod-${n}`)))
    bench.refuseNothing()
    const addresses = replies.flatMap(({ result }) => result?.ips?.map(({ address }) => address) ?? [])
    assert.equal(addresses.length, 49, `with operation ${refused} refused`)
    assert.equal(new Set(addresses).size, addresses.length)
    assert.equal(bench.agent.attached.size, addresses.length)
    await bench.stop()
  }
})

test('pods that wait while the bridge is made anew are each wired into their own namespace', async () => {
  await ready()
  let gone = false
  bench.beforeOperation(({ entry }) => {
    // The first pod is wired, the others stand in line.
    if (gone || entry.kind !== 'address' || entry.link !== 'eth0') return
    gone = true
    bench.deleteHostLink('cni0')
  })
  const names = Array.from({ length: 10 }, (_, n) => `pod-${n}`)
  const replies = await Promise.all(names.map(name => bench.add(name)))
  for (const [n, name] of names.entries()) {
    const [ip] = replies[n]?.result?.ips ?? []
    const addresses = bench.podState(name).filter(key => key.startsWith('address') && !key.endsWith('lo'))
    assert.deepEqual(addresses, [`address ${ip?.address} dev eth0`])
    assert.deepEqual(await bench.call('CHECK', name), {})
  }
})

test('ADD, DEL and GC in any mixture leave nothing behind', async () => {
  await ready()
  const before = bench.hostState()
  const collect = () => bench.call('GC', '', { 'cni.dev/valid-attachments': [] })
  const calls = Array.from({ length: 200 }, (_, n) => {
    if (n % 40 === 7) return collect()
    return n % 3 === 0 ? bench.call('DEL', `pod-${n % 5}`) : bench.add(`pod-${n % 5}`)
  })
  await Promise.all(calls)
  await collect()
  await bench.quiet()
  assert.deepEqual(bench.hostState(), before)
  assert.equal(bench.agent.attached.size, 0)
})

test('an address store that cannot be read does not keep the agent from starting', async () => {
  await ready()
  const dataDir = fs.mkdtempSync(path.join(os.tmpdir(), 'podlace-test-'))
  try {
    fs.mkdirSync(path.join(dataDir, 'pods', 'lock'), { recursive: true })
    await bench.add('a')
    await bench.agent.stop()
    const journal = new Journal<AttachmentRecord>({
      disk: bench.disk,
      bootId: 'boot-1',
      parse: value => value as AttachmentRecord,
    })
    const [record] = journal.records().map(([, { value }]) => value)
    assert.ok(record?.wiring.plan === 'bridge')
    const wiring = { ...record.wiring, spec: { ...record.wiring.spec, containerId: 'b' } }
    await journal.intend('b/eth0', { ...record, wiring, addresses: { source: 'host-local', dataDir } }).done
    await bench.restart()
    await bench.quiet()
    assert.deepEqual(await bench.call('CHECK', 'a'), {})
    fs.rmdirSync(path.join(dataDir, 'pods', 'lock'))
    assert.deepEqual(await bench.call('DEL', 'b'), {})
    assert.equal((await bench.call('ADD', 'b')).error, undefined)
  } finally {
    fs.rmSync(dataDir, { recursive: true, force: true })
  }
})

test('another writer of our annotations is not answered without pause', async () => {
  await ready()
  const key = 'flannel.alpha.coreos.com/backend-data'
  let ours = 0
  for (let round = 0; round < 20; round += 1) {
    await bench.store.patch('Node', 'node-1', { metadata: { annotations: { [key]: 'theirs' } } })
    await bench.quiet()
    const { annotations } = (await bench.store.get('Node', 'node-1')).metadata
    if (annotations?.[key] !== 'theirs') ours += 1
  }
  assert.ok(ours < 10, `${ours} of 20 were answered at once`)
  await bench.until('ours to stand again', () => {
    const { annotations } = bench.agent.nodes.get('node-1')?.metadata ?? {}
    return annotations?.[key] !== 'theirs'
  })
})
