import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { ManualClock } from '../../src/base/index.ts'
import {
  deleteOperation,
  type EtcdClient,
  isAbsent,
  isAsRead,
  putOperation,
  type WatchBatch,
} from '../../src/etcd/index.ts'
import { EtcdServer } from './etcd-server.ts'

let server: EtcdServer
let client: EtcdClient
before(async () => {
  server = await EtcdServer.start()
  client = server.client()
})
after(() => server[Symbol.asyncDispose]())

/** What a watch tells until it has told so many events. */
async function eventsOf(batches: AsyncIterable<WatchBatch>, count: number): Promise<string[]> {
  const told: string[] = []
  for await (const { events } of batches) {
    for (const { type, now, before } of events)
      told.push(`${type} ${now.key} ${before?.value ?? ''}>${now.value}`)
    if (told.length >= count) break
  }
  return told
}

const forever = () => new AbortController().signal

describe('keys and values', () => {
  it('are what etcdctl says they are, also if they are long or of any alphabet', async () => {
    const long = 'x'.repeat(500_000)
    await client.put('/kv/a', 'käse ☂')
    server.ctl('put', '/kv/b', long.slice(0, 1000))
    await client.put('/kv/c', long)
    assert.equal(server.ctl('get', '/kv/a', '--print-value-only'), 'käse ☂\n')
    const { kvs, revision } = await client.list('/kv/')
    assert.deepEqual(
      kvs.map(({ key, value }) => [key, value.length]),
      [
        ['/kv/a', 6],
        ['/kv/b', 1000],
        ['/kv/c', 500_000],
      ],
    )
    assert.equal(kvs.at(-1)?.modRevision, revision)
    assert.equal((await client.get('/kv/b'))?.value.length, 1000)
    assert.equal(await client.get('/kv/'), undefined)
    assert.equal(await client.delete('/kv/b'), true)
    assert.equal(await client.delete('/kv/b'), false)
    assert.equal(await client.deleteAll('/kv/'), 2)
  })

  it('are created by one of two, and changed by who has read them last', async () => {
    const create = (value: string) => client.transact([isAbsent('/txn/a')], [putOperation('/txn/a', value)])
    assert.deepEqual(await Promise.all([create('1'), create('2')]).then(won => won.toSorted()), [false, true])
    const read = await client.get('/txn/a')
    assert.ok(read)
    assert.equal(await client.transact([isAsRead(read)], [putOperation('/txn/a', '3')]), true)
    assert.equal(await client.transact([isAsRead(read)], [deleteOperation('/txn/a')]), false)
    assert.equal((await client.get('/txn/a'))?.version, 2)
  })
})

describe('a lease', () => {
  it('takes its keys with it, and may have a number of our choice, of all 64 bits', async () => {
    for (const id of [0n, 0x7fff_ffff_ffff_fff1n, -2n]) {
      const granted = await client.grantLease(600, id)
      if (id !== 0n) assert.equal(granted, id)
      await client.put('/lease/a', 'x', granted)
      assert.equal((await client.get('/lease/a'))?.lease, granted)
      assert.equal(await client.keepLeaseAlive(granted), 600)
      assert.ok(((await client.leaseTimeLeft(granted)) ?? 0) > 590)
      await client.revokeLease(granted)
      assert.equal(await client.get('/lease/a'), undefined)
      assert.equal(await client.keepLeaseAlive(granted), 0)
      assert.equal(await client.leaseTimeLeft(granted), undefined)
      await assert.rejects(client.revokeLease(granted), { code: 'etcd.refused' })
    }
  })

  it('is not granted twice', async () => {
    await client.grantLease(600, 17n)
    await assert.rejects(client.grantLease(600, 17n), { code: 'etcd.refused' })
    await assert.rejects(client.put('/lease/b', 'x', 18n), { code: 'etcd.refused' })
  })

  it('ends by itself when its time is over', async () => {
    const id = await client.grantLease(2)
    await client.put('/lease/c', 'x', id)
    const { revision } = await client.list('/lease/')
    const batches = client.watch('/lease/', { startRevision: revision + 1, signal: forever() })
    assert.deepEqual(await eventsOf(batches, 1), ['delete /lease/c x>'])
  })
})

describe('a watch', () => {
  it('tells each change with what was there before, from the revision that it is asked for', async () => {
    const { revision } = await client.list('/watch/')
    await client.put('/watch/a', '1')
    await client.put('/watch/a', '2')
    await client.delete('/watch/a')
    await client.put('/elsewhere', 'x')
    let opened = 0
    const all = client.watch('/watch/', {
      startRevision: revision + 1,
      signal: forever(),
      onOpen: () => (opened += 1),
    })
    assert.deepEqual(await eventsOf(all, 3), ['put /watch/a >1', 'put /watch/a 1>2', 'delete /watch/a 2>'])
    assert.equal(opened, 1)
    const later = client.watch('/watch/', { startRevision: revision + 3, signal: forever() })
    assert.deepEqual(await eventsOf(later, 1), ['delete /watch/a 2>'])
  })

  it('ends without an error when it is no longer wanted', async () => {
    const { revision } = await client.list('/watch/')
    const ending = new AbortController()
    const batches = client.watch('/watch/', {
      startRevision: revision + 1,
      signal: ending.signal,
      onOpen: () => ending.abort(),
    })
    assert.deepEqual(await eventsOf(batches, 1), [])
  })

  it('is refused from a revision that etcd has forgotten', async () => {
    await client.put('/watch/b', '1')
    await client.put('/watch/b', '2')
    const { revision } = await client.list('/watch/')
    await client.compact(revision)
    const batches = client.watch('/watch/', { startRevision: revision - 1, signal: forever() })
    await assert.rejects(eventsOf(batches, 1), {
      code: 'etcd.compacted',
      payload: { code: 'etcd.compacted', compactRevision: revision },
    })
  })

  it('misses no deletion that etcd forgot in the same breath', async () => {
    await client.put('/watch/c', '1')
    const { revision } = await client.list('/watch/')
    await client.delete('/watch/c')
    // Of the first revision that it keeps etcd keeps the values, but not that keys were deleted.
    await client.compact(revision + 1)
    const batches = client.watch('/watch/', { startRevision: revision + 1, signal: forever() })
    await assert.rejects(eventsOf(batches, 1), { code: 'etcd.compacted' })
  })

  it('ends with an error when etcd is killed, and goes on where it was when it is back', async () => {
    await using own = await EtcdServer.start()
    const its = own.client()
    await its.put('/a', '1')
    const { revision } = await its.list('/')
    const opened = Promise.withResolvers<void>()
    const batches = its.watch('/', { startRevision: revision + 1, signal: forever(), onOpen: opened.resolve })
    const ends = assert.rejects(eventsOf(batches, 1), { code: 'etcd.unavailable' })
    await opened.promise
    await own.kill()
    await ends
    await assert.rejects(its.get('/a'), { code: 'etcd.unavailable', message: /ECONNREFUSED/ })
    await own.restart()
    await its.put('/a', '2')
    const again = its.watch('/', { startRevision: revision + 1, signal: forever() })
    assert.deepEqual(await eventsOf(again, 1), ['put /a 1>2'])
  })

  it('ends with an error when etcd stands still', async () => {
    await using own = await EtcdServer.start()
    const clock = new ManualClock()
    const its = own.client({ clock })
    const opened = Promise.withResolvers<void>()
    const batches = its.watch('/', { startRevision: 1, signal: forever(), onOpen: opened.resolve })
    const ends = assert.rejects(eventsOf(batches, 1), { code: 'etcd.unavailable' })
    await opened.promise
    for (let minute = 0; minute < 6; minute += 1) {
      await clock.advance(10_000)
      await sleep(20)
    }
    own.pause()
    await clock.advance(10_000)
    await clock.advance(10_000)
    await ends
    own.resume()
  })
})

describe('several endpoints', () => {
  it('are asked in turn when one does not answer', async () => {
    await using dead = await EtcdServer.start()
    await dead.kill()
    const both = server.client({ endpoints: [dead.url, server.url] })
    // Nothing was sent to the dead one, so this is safe to repeat.
    await both.put('/ends/a', '1')
    assert.equal((await both.get('/ends/a'))?.value, '1')
  })

  it('are asked in turn when one is slow, but a write that may have been done is not repeated', async () => {
    await using slow = await EtcdServer.start()
    const endpoints = [slow.url, server.url]
    await client.put('/ends/b', '1')
    slow.pause()
    const reader = server.client({ endpoints, timeoutMs: 300 })
    assert.equal((await reader.get('/ends/b'))?.value, '1')
    const writer = server.client({ endpoints, timeoutMs: 300 })
    await assert.rejects(writer.put('/ends/b', '2'), { code: 'etcd.unavailable', message: /within 300 ms/ })
    await writer.put('/ends/b', '3')
    assert.equal((await client.get('/ends/b'))?.value, '3')
    slow.resume()
  })

  it('are left when they have lost the majority, by a watch too, which would hear of nothing', async () => {
    const [one, two, three] = await EtcdServer.startCluster(3)
    assert.ok(one && two && three)
    await using lonely = one
    await using second = two
    await using third = three
    const its = lonely.client({ timeoutMs: 2_000 })
    await its.put('/ends/c', '1')
    const opened = Promise.withResolvers<void>()
    const batches = its.watch('/ends/', { startRevision: 100, signal: forever(), onOpen: opened.resolve })
    const ends = assert.rejects(eventsOf(batches, 1), { code: 'etcd.unavailable', message: /no leader/ })
    await opened.promise
    await second.kill()
    await third.kill()
    await ends
    await assert.rejects(its.get('/ends/c'), { code: 'etcd.unavailable' })
  })

  it('must be URLs of one kind', () => {
    for (const endpoint of ['10.0.0.1:2379', 'ftp://a:1', 'http://a:1/path', '']) {
      assert.throws(() => server.client({ endpoints: [endpoint] }), { code: 'etcd.config' })
    }
  })
})

describe('users and passwords', () => {
  it('are asked for a token, and for a new one when it is no longer good', async () => {
    await using own = await EtcdServer.start()
    const nobody = own.client()
    for (const words of ['user add root:secret', 'user grant-role root root', 'auth enable']) {
      own.ctl(...words.split(' '))
    }
    let password = 'secret'
    const root = own.client({ credentials: () => ({ username: 'root', password }) })
    await root.put('/auth/a', '1')
    await assert.rejects(nobody.put('/auth/a', '2'), { code: 'etcd.refused', message: /user name is empty/ })
    const { revision } = await root.list('/auth/')
    const change = (to: string) => {
      // With it all tokens of the user end.
      own.ctlWith(to, '--user', `root:${password}`, 'user', 'passwd', 'root', '--interactive=false')
      password = to
    }
    change('secret2')
    await root.put('/auth/a', '3')
    change('secret3')
    const batches = root.watch('/auth/', { startRevision: revision + 1, signal: forever() })
    await assert.rejects(eventsOf(batches, 1), { code: 'etcd.denied' })
    const again = root.watch('/auth/', { startRevision: revision + 1, signal: forever() })
    assert.deepEqual(await eventsOf(again, 1), ['put /auth/a 1>3'])
    change('secret4')
    password = 'wrong'
    await assert.rejects(root.get('/auth/a'), { code: 'etcd.denied', message: /authentication failed/ })
  })
})

describe('TLS', () => {
  it('proves both sides to each other', async () => {
    const files = mkdtempSync(join(tmpdir(), 'podlace-etcd-tls-'))
    try {
      makeCertificates(files)
      const read = (name: string) => readFileSync(join(files, name), 'utf8')
      const tls = () => ({ ca: read('ca.crt'), cert: read('node.crt'), key: read('node.key') })
      const path = (name: string) => join(files, name)
      const own = ['--cert-file', path('node.crt'), '--key-file', path('node.key')]
      const flags = [...own, '--client-cert-auth', '--trusted-ca-file', path('ca.crt')]
      await using secure = await EtcdServer.start({ scheme: 'https', flags, tls })
      const good = secure.client()
      await good.put('/tls/a', '1')
      assert.equal((await good.get('/tls/a'))?.value, '1')
      const unnamed = secure.client({ tls: () => ({ ca: read('ca.crt') }) })
      await assert.rejects(unnamed.get('/tls/a'), {
        code: 'etcd.unavailable',
        message: /certificate required|bad certificate/,
      })
      const trustless = secure.client({ tls: () => ({ cert: read('node.crt'), key: read('node.key') }) })
      await assert.rejects(trustless.get('/tls/a'), { code: 'etcd.unavailable', message: /certificate/ })
    } finally {
      rmSync(files, { recursive: true })
    }
  })
})

/** An authority, and one certificate of it that is good for 127.0.0.1 and for clients. */
function makeCertificates(directory: string): void {
  const openssl = (...words: string[]) => execFileSync('openssl', words, { cwd: directory, stdio: 'pipe' })
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
  openssl('req', '-x509', ...newKey, '-keyout', 'ca.key', '-out', 'ca.crt', '-subj', '/CN=test', '-days', '2')
  openssl('req', ...newKey, '-keyout', 'node.key', '-out', 'node.csr', '-subj', '/CN=node')
  writeFileSync(
    join(directory, 'ext'),
    'subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth,clientAuth\n',
  )
  const by = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-extfile', 'ext', '-days', '2']
  openssl('x509', '-req', '-in', 'node.csr', '-out', 'node.crt', ...by)
}
