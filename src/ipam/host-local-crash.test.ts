import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { hasCode } from '../base/index.ts'
import { address, freshDirectory, open, pod, watchingFiles } from './testing.ts'

const isLease = (name: string) => name.startsWith('10.')

class Died extends Error {}

/** Runs `task` as a process that is killed when it begins its operation number `fatal`. @returns whether it lived */
async function killedAt(fatal: number, task: () => Promise<unknown>): Promise<boolean> {
  let count = 0
  const die = () => {
    count += 1
    // Nothing of what it would do to clean up is done either.
    if (count >= fatal) throw new Died(`at operation ${fatal}`)
  }
  const isDeath = (error: unknown): boolean =>
    error instanceof Died || (error instanceof Error && isDeath(error.cause))
  await watchingFiles(die, task).catch((error: unknown) => assert.ok(isDeath(error), String(error)))
  return count < fatal
}

describe('a crash at each operation on files', () => {
  test('of an ADD: no address is given twice, and none is lost', async () => {
    for (let fatal = 1; ; fatal += 1) {
      const before = open()
      await address(before.allocator, 'earlier')
      const request = { sticky: 'default/web-0' }
      const lived = await killedAt(fatal, () => address(before.allocator, 'victim', request))
      const { store, allocator, names, path } = open(before.dataDir)
      // The runtime sends DEL for an ADD that failed.
      await store.release(pod('victim'))
      const held = []
      for (const name of ['b', 'c', 'd', 'e']) held.push(await address(allocator, name))
      assert.equal(new Set([...held, '10.1.2.2/29']).size, 5, `at ${fatal}`)
      for (const name of names().filter(isLease))
        assert.match(readFileSync(path(name), 'latin1'), /^\w+\r\neth0$/)
      if (lived) return assert.ok(fatal > 10)
    }
  })

  test('of a DEL: it can be done again', async () => {
    for (let fatal = 1; ; fatal += 1) {
      const before = open(undefined, { ranges: [[{ prefix: '10.1.2.0/29' }], [{ prefix: '10.1.3.0/29' }]] })
      await address(before.allocator, 'victim')
      const lived = await killedAt(fatal, () => before.store.release(pod('victim')))
      const { store, names } = open(before.dataDir)
      await store.release(pod('victim'))
      assert.deepEqual(names().filter(isLease), [], `at ${fatal}`)
      if (lived) return assert.ok(fatal > 5)
    }
  })
})

test('whatever a crash or a loss of power leaves in a lease: what names nobody is free, what names somebody is not', async () => {
  const { store, allocator, path, names } = open()
  await address(allocator, 'a')
  const contents = ['', '\0\0\0\0', ' \r\n', 'half-a-contai', 'c\r\n']
  for (const [n, content] of contents.entries()) writeFileSync(path(`10.1.2.${n + 2}`), content)
  assert.equal((await store.addressesOf(pod('half-a-contai'))).length, 1, 'as an old plugin wrote it')
  assert.deepEqual(names().filter(isLease), ['10.1.2.5', '10.1.2.6'])
  const gone = await store.collect(() => false)
  assert.deepEqual(
    gone.map(({ address: text, holder }) => [text, holder]),
    [
      ['10.1.2.5', { containerId: 'half-a-contai' }],
      ['10.1.2.6', { containerId: 'c' }],
    ],
  )
})

test('garbage collection keeps the place of the round', async () => {
  const { store, allocator, names } = open()
  for (const name of ['a', 'b']) await address(allocator, name)
  await store.collect(() => false)
  assert.deepEqual(names(), ['last_reserved_ip.0', 'lock'])
  assert.equal(await address(allocator, 'c'), '10.1.2.4/29')
})

test('a place of the round that cannot be written costs nobody an address', async () => {
  const { allocator, names } = open(withFiles({ 'last_reserved_ip.0': '10.1.2.1'.padEnd(20) }))
  let failures = 0
  const failing = (operation: string) => {
    if (operation !== 'ftruncateSync') return
    failures += 1
    throw Object.assign(new Error('EIO: i/o error, ftruncate'), { code: 'EIO' })
  }
  assert.equal(await watchingFiles(failing, () => address(allocator, 'a')), '10.1.2.2/29')
  assert.equal(failures, 1)
  assert.equal(await address(allocator, 'b'), '10.1.2.3/29')
  assert.deepEqual(names().filter(isLease), ['10.1.2.2', '10.1.2.3'])
})

test('leases that could not be read are looked for again, not forgotten', async () => {
  const { store, path } = open(withFiles({ '10.1.2.5': 'theirs\r\neth0' }))
  let failures = 0
  const failOnce = (operation: string) => {
    if (operation !== 'readFileSync' || failures > 0) return
    failures += 1
    throw Object.assign(new Error('EIO: i/o error, read'), { code: 'EIO' })
  }
  const failing = watchingFiles(failOnce, () => store.addressesOf(pod('theirs')))
  await assert.rejects(failing, error => hasCode(error, 'ipam.store'))
  assert.equal(readFileSync(path('10.1.2.5'), 'latin1'), 'theirs\r\neth0')
  assert.deepEqual(await store.addressesOf(pod('theirs')), ['10.1.2.5'])
})

/** A directory that others have written to. */
function withFiles(contents: Readonly<Record<string, string>>): string {
  const dataDir = freshDirectory()
  mkdirSync(join(dataDir, 'net'))
  for (const [name, content] of Object.entries(contents)) writeFileSync(join(dataDir, 'net', name), content)
  return dataDir
}
