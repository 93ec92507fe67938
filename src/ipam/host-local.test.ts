import assert from 'node:assert/strict'
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import * as fc from 'fast-check'
import { hasCode, ManualClock, settle, systemClock } from '../base/index.ts'
import { type Allocation, HostLocalAllocator, HostLocalStore } from './index.ts'
import {
  address,
  createAtOnce,
  free,
  freshDirectory,
  open,
  pod,
  taken,
  watchingFiles,
  whenKept,
} from './testing.ts'

describe('host-local on disk', () => {
  test('the format of the reference plugin', async () => {
    const { store, allocator, path, names } = open()
    assert.deepEqual(await whenKept(allocator.allocate(pod('c1'), {}, taken)), [
      { address: '10.1.2.2/29', gateway: '10.1.2.1' },
    ])
    assert.deepEqual(names(), ['10.1.2.2', 'last_reserved_ip.0', 'lock'])
    assert.equal(readFileSync(path('10.1.2.2'), 'latin1'), 'c1\r\neth0')
    assert.equal(statSync(path('10.1.2.2')).mode & 0o777, 0o600)
    assert.equal(statSync(path('10.1.2.2')).nlink, 1)
    assert.equal(readFileSync(path('last_reserved_ip.0'), 'latin1'), '10.1.2.2')
    assert.deepEqual(await store.release(pod('c1')), ['10.1.2.2'])
    assert.deepEqual(names(), ['last_reserved_ip.0', 'lock'])
    assert.deepEqual(await store.release(pod('c1')), [])
  })

  test('one address of each range set, all or none', async () => {
    const ranges = [[{ prefix: '10.0.0.0/24' }], [{ prefix: 'fd00::/64' }], [{ prefix: '10.9.9.9/32' }]]
    const { store, allocator, names } = open(undefined, { ranges })
    const allocations = await whenKept(allocator.allocate(pod('a'), { addresses: ['fd00::77'] }, taken))
    assert.deepEqual(
      allocations.map(one => one.address),
      ['10.0.0.1/24', 'fd00::77/64', '10.9.9.9/32'],
    )
    await assert.rejects(allocator.allocate(pod('b'), {}, taken), error => hasCode(error, 'ipam.exhausted'))
    assert.match((await allocator.fault()) ?? '', /10\.9\.9\.9\/32/)
    assert.deepEqual(await store.addressesOf(pod('b')), [])
    assert.deepEqual([...(await store.addressesOf(pod('a')))].sort(), ['10.0.0.1', '10.9.9.9', 'fd00::77'])
    await store.release(pod('a'))
    assert.deepEqual(
      names().filter(name => /^[0-9f]/.test(name)),
      [],
    )
  })

  test('who takes an address hears of it before it is on disk', async () => {
    const { store, allocator, path } = open()
    const hear = ([allocation]: readonly Allocation[]) => {
      assert.equal(existsSync(path('10.1.2.2')), false)
      return allocation?.address
    }
    assert.equal(await whenKept(allocator.allocate(pod('a'), {}, hear)), '10.1.2.2/29')
    assert.deepEqual(await store.addressesOf(pod('a')), ['10.1.2.2'])
  })

  test('a program that makes the lease meanwhile, without the lock, keeps it, and nothing is ours', async () => {
    const ranges = [[{ prefix: '10.1.2.0/29' }], [{ prefix: 'fd00::/64' }]]
    const { store, allocator, path, names } = open(undefined, { ranges })
    const allocated = allocator.allocate(pod('b'), {}, () => writeFileSync(path('10.1.2.1'), 'other\r\neth0'))
    await assert.rejects(
      whenKept(allocated),
      error =>
        hasCode(error, 'ipam.store') && /another program made .*, without the lock/.test(error.message),
    )
    assert.equal(readFileSync(path('10.1.2.1'), 'latin1'), 'other\r\neth0')
    assert.deepEqual(await store.addressesOf(pod('b')), [])
    assert.deepEqual(
      names().filter(name => name.startsWith('fd')),
      [],
    )
    assert.equal(await address(allocator, 'b'), '10.1.2.2/29')
  })

  test('a lease that is written stays, though it cannot be looked at then', async () => {
    const { allocator, store, dataDir, names } = open()
    const allocated = await watchingFiles(
      operation => {
        // After the lease was made: what is on disk cannot be looked at.
        if (operation === 'lstatSync' && names().includes('10.1.2.2'))
          throw new Error('EIO: i/o error, lstat')
      },
      async () => {
        const begun = await allocator.allocate(pod('a'), {}, taken)
        assert.ok(begun.kept.isDone())
        await begun.kept.done
        return begun.result
      },
    )
    assert.equal(allocated[0]?.address, '10.1.2.2/29')
    assert.deepEqual(await store.addressesOf(pod('a')), ['10.1.2.2'])
    assert.deepEqual(await open(dataDir).store.addressesOf(pod('a')), ['10.1.2.2'])
  })

  test('the lock is held until the lease is written', async () => {
    const { dataDir, path } = open()
    const writing = Promise.withResolvers<void>()
    const slow = { createFile: () => ({ isDone: () => false, done: writing.promise }) }
    const common = { dataDir, network: 'net', flock: free, clock: systemClock, random: Math.random }
    const store = new HostLocalStore({ ...common, ...slow })
    const allocator = new HostLocalAllocator({
      store,
      rangeSets: [[{ prefix: '10.1.2.0/29' }]],
      clock: systemClock,
    })
    const { result, kept } = await allocator.allocate(pod('a'), {}, taken)
    assert.equal(result[0]?.address, '10.1.2.1/29')
    let released: readonly string[] | undefined
    const releasing = store.release(pod('a')).then(addresses => {
      released = addresses
    })
    await settle()
    assert.equal(released, undefined)
    writeFileSync(path('10.1.2.1'), 'a\r\neth0')
    writing.resolve()
    await kept.done
    await releasing
    assert.deepEqual(released, ['10.1.2.1'])
  })

  test('if that fails nothing is taken, and nothing rests', async () => {
    const { allocator, names } = open(freshDirectory(), { subnet: '10.1.2.0/30' })
    const allocated = allocator.allocate(pod('a'), {}, () => {
      throw new Error('no room to write it down')
    })
    await assert.rejects(allocated, /no room/)
    assert.deepEqual(names(), ['lock'])
    assert.equal(await address(allocator, 'b'), '10.1.2.2/30')
  })

  test('requests: taken, outside, twice of one set; a holder has one lease', async () => {
    const { allocator, names } = open()
    assert.equal(await address(allocator, 'a', { addresses: ['10.1.2.5'] }), '10.1.2.5/29')
    await assert.rejects(address(allocator, 'b', { addresses: ['10.1.2.5'] }), error =>
      hasCode(error, 'ipam.taken'),
    )
    await assert.rejects(address(allocator, 'a'), /holds 10\.1\.2\.5 already/)
    for (const gatewayOrOutside of ['10.1.2.1', '10.1.2.8', 'fd00::1']) {
      await assert.rejects(address(allocator, 'b', { addresses: [gatewayOrOutside] }), error =>
        hasCode(error, 'ipam.out-of-range'),
      )
    }
    await assert.rejects(
      address(allocator, 'b', { addresses: ['10.1.2.3', '10.1.2.4'] }),
      /10\.1\.2\.3 and 10\.1\.2\.4 are of one range set/,
    )
    assert.deepEqual(names(), ['10.1.2.5', 'lock'])
    assert.equal(await address(allocator, 'b', { addresses: ['10.1.2.3', '10.1.2.3'] }), '10.1.2.3/29')
    assert.equal(await address(allocator, 'c'), '10.1.2.2/29')
  })

  test('an address asked for is given at once after its release; without asking, the others come first', async () => {
    const { store, allocator } = open(undefined, { subnet: '10.1.2.0/29' })
    for (const name of ['a', 'b', 'c', 'd', 'e']) await address(allocator, name)
    await store.release(pod('b'))
    await store.release(pod('d'))
    assert.equal(await address(allocator, 'f', { addresses: ['10.1.2.5'] }), '10.1.2.5/29')
    assert.equal(await allocator.fault(), undefined)
    assert.equal(await address(allocator, 'g'), '10.1.2.3/29')
    assert.match((await allocator.fault()) ?? '', /no address is free in 10\.1\.2\.0\/29: 5 of 5 are held/)
  })

  test('a new process continues after last_reserved_ip', async () => {
    const first = open()
    await address(first.allocator, 'a')
    await first.store.release(pod('a'))
    const second = open(first.dataDir)
    assert.equal(await address(second.allocator, 'b'), '10.1.2.3/29')
    assert.deepEqual(await second.store.addressesOf(pod('b')), ['10.1.2.3'])
  })

  test('garbage collection', async () => {
    const { store, allocator } = open()
    for (const name of ['a', 'b', 'c']) await address(allocator, name)
    const gone = await store.collect(({ containerId }) => containerId === 'b')
    assert.deepEqual(
      gone.map(({ holder }) => holder?.containerId),
      ['a', 'c'],
    )
    assert.deepEqual(await store.addressesOf(pod('b')), ['10.1.2.3'])
  })

  test('nothing is made for reading or releasing what never was', async () => {
    const { store, dataDir } = open()
    await store.release(pod('a'))
    await store.addressesOf(pod('a'))
    await store.collect(() => false)
    assert.deepEqual(readdirSync(dataDir), [])
  })
})

describe('host-local and other programs', () => {
  test('leases and releases of others are seen', async () => {
    const { store, allocator, path } = open()
    await address(allocator, 'ours')
    writeFileSync(path('10.1.2.3'), 'theirs\r\neth0')
    writeFileSync(path('last_reserved_ip.0'), '10.1.2.5')
    assert.equal(await address(allocator, 'next'), '10.1.2.6/29')
    assert.deepEqual(await store.release(pod('theirs')), ['10.1.2.3'])
    assert.ok(!existsSync(path('10.1.2.3')))
    rmSync(path('10.1.2.2'))
    assert.deepEqual(await store.addressesOf(pod('ours')), [])
  })

  test('files without an interface name belong to the whole container', async () => {
    const { store, allocator, path } = open()
    await address(allocator, 'a')
    writeFileSync(path('10.1.2.5'), 'old')
    assert.deepEqual(await store.addressesOf(pod('old')), ['10.1.2.5'])
    assert.deepEqual(await store.release({ containerId: 'old', ifName: 'net1' }), ['10.1.2.5'])
  })

  test('an empty file, as a crash leaves it, is a lease of nobody', async () => {
    const { store, allocator, dataDir, path, names } = open(undefined, { subnet: '10.1.2.0/30' })
    await address(allocator, 'a')
    await store.release(pod('a'))
    writeFileSync(path('10.1.2.2'), '')
    const next = open(dataDir, { subnet: '10.1.2.0/30' })
    assert.equal(await address(next.allocator, 'b'), '10.1.2.2/30')
    assert.deepEqual(names(), ['10.1.2.2', 'last_reserved_ip.0', 'lock'])
    assert.equal(readFileSync(path('10.1.2.2'), 'utf8'), 'b\r\neth0')
  })

  test('a change that hides behind an equal time stamp gives nobody a second owner', async () => {
    const { store, allocator, dataDir, path } = open()
    await address(allocator, 'a')
    const directory = join(dataDir, 'net')
    const stamp = new Date()
    const hidden = (change: () => void) => {
      change()
      utimesSync(directory, stamp, stamp)
    }
    hidden(() => {})
    await store.addressesOf(pod('a'))
    hidden(() => writeFileSync(path('10.1.2.3'), 'theirs\r\neth0'))
    assert.equal(await address(allocator, 'b'), '10.1.2.4/29')
    hidden(() => {})
    await store.addressesOf(pod('a'))
    hidden(() => {
      rmSync(path('10.1.2.2'))
      writeFileSync(path('10.1.2.2'), 'theirs too\r\neth0')
    })
    assert.deepEqual(await store.release(pod('a')), [])
    assert.ok(existsSync(path('10.1.2.2')))
  })

  test('whatever others did is seen, however fast they are', async () => {
    const dataDir = freshDirectory()
    const [one, other] = [open(dataDir, { subnet: '10.1.0.0/16' }), open(dataDir, { subnet: '10.1.0.0/16' })]
    for (let round = 0; round < 50; round++) {
      await address(one.allocator, 'a')
      await assert.rejects(address(other.allocator, 'a'), /holds 10\.1\.\d+\.\d+ already/)
      assert.equal((await other.store.release(pod('a'))).length, 1)
      assert.deepEqual(await one.store.addressesOf(pod('a')), [])
      await address(other.allocator, 'b')
      rmSync(one.path((await one.store.addressesOf(pod('b')))[0] ?? ''))
      assert.deepEqual(await other.store.addressesOf(pod('b')), [])
    }
  })

  test('a file that is no lease is not given away', async () => {
    const { allocator, dataDir, path } = open()
    await address(allocator, 'a')
    mkdirSync(path('10.1.2.3'))
    assert.equal(await address(open(dataDir).allocator, 'b'), '10.1.2.4/29')
  })
})

describe('host-local refusals', () => {
  test('hostile names', async () => {
    const from = { flock: free, createFile: createAtOnce, clock: systemClock, random: Math.random }
    const common = { dataDir: freshDirectory(), ...from }
    for (const network of ['', '..', 'a/b', '.hidden', 'a\0']) {
      assert.throws(
        () => new HostLocalStore({ ...common, network }),
        error => hasCode(error, 'ipam.store'),
      )
    }
    const { allocator } = open()
    for (const containerId of ['', 'a\r\nb', 'a\n', ' a']) {
      await assert.rejects(allocator.allocate({ containerId, ifName: 'eth0' }, {}, taken), error =>
        hasCode(error, 'ipam.store'),
      )
    }
  })

  test('the lock of another program is waited for, then named', async () => {
    const clock = new ManualClock()
    let busy = true
    const options = {
      dataDir: freshDirectory(),
      network: 'n',
      clock,
      random: Math.random,
      flock: () => !busy,
      createFile: createAtOnce,
      lockTimeoutMs: 100,
    }
    const store = new HostLocalStore(options)
    const waiting = store.locked(() => 'done')
    const advance = async () => {
      for (let i = 0; i < 20; i++) await clock.advance(10)
    }
    await Promise.all([assert.rejects(waiting, /another program keeps the lock .*\/n\/lock/), advance()])
    const second = store.locked(() => 'done')
    busy = false
    await clock.advance(50)
    assert.equal(await second, 'done')
  })

  test('a directory that cannot be made', async () => {
    const dataDir = freshDirectory()
    writeFileSync(join(dataDir, 'net'), 'a file')
    const { allocator } = open(dataDir)
    await assert.rejects(
      address(allocator, 'a'),
      error => hasCode(error, 'ipam.store') && /EEXIST|ENOTDIR/.test(error.message),
    )
  })
})

test('no two holders of one address, whatever happens to the process', async () => {
  const act = fc.record({
    act: fc.constantFrom('add', 'add', 'add', 'del', 'crash', 'empty', 'switch', 'wait'),
    who: fc.nat(9).map(n => `pod-${n}`),
    at: fc.integer({ min: 2, max: 6 }),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(act, { maxLength: 30 }), async acts => {
      const clock = new ManualClock()
      const dataDir = freshDirectory()
      // Two processes take turns on the directory; a crash forgets everything that is not on disk.
      const processes = [open(dataDir, { clock }), open(dataDir, { clock })]
      let current = 0
      const held = new Map<string, string>()
      for (const { act, who, at } of acts) {
        const subject = processes[current] ?? open(dataDir, { clock })
        const path = subject.path(`10.1.2.${at}`)
        if (act === 'switch') current = 1 - current
        else if (act === 'crash') processes[current] = open(dataDir, { clock })
        else if (act === 'wait') await clock.advance(20_000)
        else if (act === 'empty' && held.size > 0 && !existsSync(path)) writeFileSync(path, '')
        else if (act === 'del') {
          const address = held.get(who)
          assert.deepEqual(await subject.store.release(pod(who)), address === undefined ? [] : [address])
          held.delete(who)
        } else if (act === 'add') {
          try {
            const [allocation] = await whenKept(subject.allocator.allocate(pod(who), {}, taken))
            const address = allocation?.address.replace('/29', '') ?? ''
            assert.match(address, /^10\.1\.2\.[2-6]$/)
            assert.ok(!held.has(who) && ![...held.values()].includes(address))
            held.set(who, address)
          } catch (error) {
            assert.ok(hasCode(error, held.has(who) ? 'ipam.taken' : 'ipam.exhausted'))
          }
        }
      }
      const onDisk = new Map<string, string>()
      const { store } = open(dataDir, { clock })
      await store.locked(leases => {
        for (const { address, holder } of leases.all()) onDisk.set(holder?.containerId ?? '', address)
      })
      assert.deepEqual(onDisk, held)
      rmSync(dataDir, { recursive: true })
    }),
    { numRuns: 40 },
  )
})
