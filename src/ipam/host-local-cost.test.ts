import assert from 'node:assert/strict'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { settle } from '../base/index.ts'
import { address, freshDirectory, open, pod, watchingFiles } from './testing.ts'

/** Leases as another program left them, from 10.1.16.0 on. */
function withLeases(count: number) {
  const dataDir = freshDirectory()
  mkdirSync(join(dataDir, 'net'))
  for (let n = 0; n < count; n += 1) {
    writeFileSync(join(dataDir, 'net', `10.1.${16 + (n >> 8)}.${n & 255}`), `old-${n}\r\neth0`)
  }
  return open(dataDir, { subnet: '10.1.0.0/16' })
}

/** What is done to files, in order. */
async function operations(task: () => Promise<unknown>): Promise<readonly string[]> {
  const seen: string[] = []
  await watchingFiles(operation => seen.push(operation), task)
  return seen
}

async function costs(leases: number) {
  const { store, allocator, path } = withLeases(leases)
  const first = await operations(() => address(allocator, 'first'))
  await address(allocator, 'sticky', { sticky: 'default/web-0' })
  await store.release(pod('sticky'))
  const known = {
    add: await operations(() => address(allocator, 'a')),
    check: await operations(() => store.addressesOf(pod('a'))),
    status: await operations(() => allocator.fault()),
    del: await operations(() => store.release(pod('a'))),
    delOfNothing: await operations(() => store.release(pod('a'))),
    sticky: await operations(() => address(allocator, 'again', { sticky: 'default/web-0' })),
  }
  writeFileSync(path('10.1.9.9'), 'theirs\r\neth0')
  const status = await operations(() => allocator.fault())
  rmSync(path('10.1.9.9'))
  return { first, known, status }
}

test('ADD, DEL, CHECK and STATUS do the same on disk with no leases and with 8,000', async () => {
  const [empty, full] = [await costs(0), await costs(8000)]
  assert.deepEqual(full.known, empty.known)
  assert.ok(full.known.add.length <= 16, full.known.add.join(' '))
  assert.ok(full.known.del.length <= 9, full.known.del.join(' '))
  assert.deepEqual(full.known.status, ['statSync'])
  assert.ok(full.first.length > 16_000, 'the first look reads each')
  assert.ok(full.status.length > 8000, 'and so does one after a change of another program')
})

test('whoever else has work to do gets his turn while 8,000 leases are read', async () => {
  const { allocator } = withLeases(8000)
  const seen: string[] = []
  const others = async () => {
    for (let turn = 0; turn < 50; turn += 1) await settle()
    seen.push('others')
  }
  await Promise.all([address(allocator, 'a').then(() => seen.push('address')), others()])
  assert.deepEqual(seen, ['others', 'address'])
})
