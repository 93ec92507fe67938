import assert from 'node:assert/strict'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { address, open, pod, whenKept } from './testing.ts'

const web = { sticky: 'default/web-0' }

test('who comes back under its name has its address again at once, also after a restart', async () => {
  const first = open()
  await address(first.allocator, 'a', web)
  await first.store.release(pod('a'))
  assert.equal(await address(first.allocator, 'other'), '10.1.2.3/29')
  assert.equal(await address(first.allocator, 'b', web), '10.1.2.2/29')
  await first.store.release(pod('b'))
  const second = open(first.dataDir)
  assert.equal(await address(second.allocator, 'c', web), '10.1.2.2/29')
  assert.equal(readFileSync(second.path('sticky/10.1.2.2'), 'utf8'), 'default/web-0 eth0')
})

test('while somebody else has it there is another one, which counts from then on', async () => {
  const { allocator, store, path } = open()
  await address(allocator, 'a', web)
  await store.release(pod('a'))
  await address(allocator, 'b', { addresses: ['10.1.2.2'] })
  assert.equal(await address(allocator, 'c', web), '10.1.2.3/29')
  await store.release(pod('b'))
  await store.release(pod('c'))
  assert.equal(await address(allocator, 'd', web), '10.1.2.3/29')
  assert.deepEqual(readdirSync(path('sticky')), ['10.1.2.3'])
})

test('an address asked for comes first, and is the one that is remembered', async () => {
  const { allocator, store } = open()
  await address(allocator, 'a', web)
  await store.release(pod('a'))
  assert.equal(await address(allocator, 'b', { ...web, addresses: ['10.1.2.6'] }), '10.1.2.6/29')
  await store.release(pod('b'))
  assert.equal(await address(allocator, 'c', web), '10.1.2.6/29')
})

test('one address of each set, and of each interface', async () => {
  const ranges = [[{ prefix: '10.1.2.0/29' }], [{ prefix: 'fd00::/64' }]]
  const { allocator, store } = open(undefined, { ranges })
  const take = (containerId: string, ifName: string) =>
    whenKept(allocator.allocate({ containerId, ifName }, web, taken => taken.map(one => one.address)))
  const [eth0, net1] = [await take('a', 'eth0'), await take('a', 'net1')]
  assert.deepEqual(
    [eth0, net1],
    [
      ['10.1.2.1/29', 'fd00::1/64'],
      ['10.1.2.2/29', 'fd00::2/64'],
    ],
  )
  for (const ifName of ['eth0', 'net1']) await store.release({ containerId: 'a', ifName })
  assert.deepEqual([await take('b', 'net1'), await take('b', 'eth0')], [net1, eth0])
})

test('there are never more names than addresses', async () => {
  const { allocator, store, path } = open()
  for (let n = 0; n < 12; n += 1) {
    await address(allocator, 'a', { sticky: `default/job-${n}` })
    await store.release(pod('a'))
  }
  assert.deepEqual(readdirSync(path('sticky')).length, 5)
  assert.equal(await address(allocator, 'a', { sticky: 'default/job-11' }), '10.1.2.3/29')
})

test('an address outside the present ranges, or a file that is torn, is no hint', async () => {
  const wide = open(undefined, { subnet: '10.1.2.0/24' })
  await address(wide.allocator, 'a', { ...web, addresses: ['10.1.2.77'] })
  await wide.store.release(pod('a'))
  writeFileSync(wide.path('sticky/10.1.2.4'), '')
  writeFileSync(wide.path('sticky/10.1.2.5'), 'default/we\0')
  writeFileSync(wide.path('sticky/nonsense'), 'default/web-0 eth0')
  const narrow = open(wide.dataDir)
  assert.equal(await address(narrow.allocator, 'b', web), '10.1.2.2/29')
})
