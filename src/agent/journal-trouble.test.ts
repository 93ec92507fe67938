import assert from 'node:assert/strict'
import { afterEach, beforeEach, test } from 'node:test'
import { AgentBench } from './testing/agent-bench.ts'

let bench: AgentBench

beforeEach(async () => {
  bench = await AgentBench.ready()
})
afterEach(() => bench.stop())

test('with the journal lost, pods live on: what they have stays, through restarts, until DEL names them', async () => {
  await bench.add('a')
  await bench.add('b')
  const before = bench.hostState()
  bench.loseJournal()
  for (const _ of [1, 2]) {
    await bench.restart()
    await bench.quiet()
    assert.deepEqual(bench.hostState(), before)
    await bench.agent.reconciler.audit()
    assert.deepEqual(bench.hostState(), before)
  }
  const { result } = await bench.add('c')
  assert.equal(result?.ips?.[0]?.address, '10.244.1.4/24', 'the addresses of a and b are taken')
  await bench.call('DEL', 'c')
  assert.deepEqual(await bench.call('DEL', 'a'), {})
  const left = bench.hostState()
  assert.ok(left.length < before.length)
  assert.ok(
    left.every(key => !/10\.244\.1\.2\b/.test(key)),
    left.join('\n'),
  )
  assert.equal(
    (await bench.add('b', 'default/b')).error,
    undefined,
    'and an ADD takes over what bears its name',
  )
  assert.equal((await bench.call('CHECK', 'b')).error, undefined)
})

test('a full disk refuses an ADD with code 5 and leaves nothing of it; DEL goes on, and space ends the trouble', async () => {
  bench.disk.full = true
  const added: string[] = []
  let reply = await bench.add('pod-0')
  let before = bench.hostState()
  for (let n = 1; reply.error === undefined && n < 1_000; n += 1) {
    added.push(`pod-${n - 1}`)
    before = bench.hostState()
    reply = await bench.add(`pod-${n}`)
  }
  assert.equal(reply.error?.code, 5)
  assert.match(reply.error?.msg ?? '', /no space left.*free space on its disk/)
  assert.ok(added.length > 20, `${added.length} pods fitted in`)
  assert.deepEqual(bench.hostState(), before)
  for (const id of added) assert.equal((await bench.call('DEL', id)).error, undefined)
  bench.disk.full = false
  assert.equal((await bench.add('later')).error, undefined)
  await bench.restart()
  assert.deepEqual(
    Array.from(bench.agent.attached.entries(), ([key]) => key.split('/')[0]),
    ['later'],
  )
})

test('an intent that cannot be brought to the disk is an ADD that fails with code 5 and leaves nothing', async () => {
  await bench.add('first')
  const before = bench.hostState()
  bench.disk.broken = true
  const { error } = await bench.add('a')
  assert.equal(error?.code, 5)
  assert.match(error?.msg ?? '', /EIO.*free space on its disk/)
  assert.deepEqual(bench.hostState(), before)
  bench.disk.broken = false
  assert.equal((await bench.add('a')).result?.ips?.[0]?.address, '10.244.1.4/24')
})
