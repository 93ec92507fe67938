/**
 * Ours and Debian's Go plugin `host-local` (package containernetworking-plugins) take turns on one directory. No
 * namespace is needed: IPAM plugins do not look at CNI_NETNS.
 */
import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, chownSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { systemClock } from '../../src/base/index.ts'
import { giveDirectory } from '../../src/cni/install/ownership.ts'
import { formatAddress, nthAddress, parsePrefix } from '../../src/ip/index.ts'
import { HostLocalAllocator, HostLocalStore } from '../../src/ipam/index.ts'
import { whenKept } from '../../src/ipam/testing.ts'
import { createFile, flockSync } from '../../src/sys/index.ts'

const PLUGIN = '/usr/lib/cni/host-local'
const ipam = new URL('../../src/ipam/index.ts', import.meta.url).href
const base = new URL('../../src/base/index.ts', import.meta.url).href
const sys = new URL('../../src/sys/index.ts', import.meta.url).href

let dataDir = ''
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'podlace-interop-'))
})
afterEach(() => rmSync(dataDir, { recursive: true, force: true }))

const pod = (containerId: string) => ({ containerId, ifName: 'eth0' })

interface Ours {
  readonly store: HostLocalStore
  readonly allocator: HostLocalAllocator
}

/** The plugin takes the first host for the gateway; so must we. */
function ours(subnet: string): Ours {
  const gateway = formatAddress(nthAddress(parsePrefix(subnet), 1n))
  const clock = systemClock
  const store = new HostLocalStore({
    dataDir,
    network: 'net',
    flock: flockSync,
    createFile,
    clock,
    random: Math.random,
  })
  return {
    store,
    allocator: new HostLocalAllocator({ store, clock, rangeSets: [[{ prefix: subnet, gateway }]] }),
  }
}

async function add({ allocator }: Ours, name: string, sticky = ''): Promise<string> {
  const request = sticky === '' ? {} : { sticky }
  const [allocation] = await whenKept(allocator.allocate(pod(name), request, taken => taken))
  return allocation?.address ?? 'nothing'
}

/** Runs the Go plugin. @returns the address of an ADD with its prefix length, or what the plugin says is wrong */
function theirs(subnet: string, command: 'ADD' | 'DEL' | 'CHECK', name: string): Promise<string> {
  const config = {
    cniVersion: '1.0.0',
    name: 'net',
    type: 'test',
    ipam: { type: 'host-local', dataDir, ranges: [[{ subnet }]] },
  }
  const env = {
    CNI_COMMAND: command,
    CNI_CONTAINERID: name,
    CNI_IFNAME: 'eth0',
    CNI_NETNS: '/nowhere',
    CNI_PATH: '/usr/lib/cni',
  }
  return new Promise(resolve => {
    const child = execFile(PLUGIN, { env }, (_error, stdout) => {
      if (stdout === '') return resolve('')
      const reply: unknown = JSON.parse(stdout)
      assert.ok(typeof reply === 'object' && reply !== null)
      if ('msg' in reply) return resolve(`error: ${String(reply.msg)}`)
      resolve(/"address": *"([^"]+)"/.exec(stdout)?.[1] ?? stdout)
    })
    child.stdin?.end(JSON.stringify(config))
  })
}

const leases = () => readdirSync(join(dataDir, 'net')).filter(name => /^[\d:]+[.\d:a-f]*$/.test(name))
const content = (name: string) => readFileSync(join(dataDir, 'net', name), 'latin1')

describe('ours and the Go plugin on one directory', () => {
  const subnet = '10.7.0.0/29'

  test('each goes on where the other stopped, and respects what the other gave', async () => {
    const own = ours(subnet)
    assert.equal(await theirs(subnet, 'ADD', 'g1'), '10.7.0.2/29')
    assert.equal(await add(own, 'o1'), '10.7.0.3/29')
    assert.equal(await theirs(subnet, 'ADD', 'g2'), '10.7.0.4/29')
    assert.equal(await add(own, 'o2'), '10.7.0.5/29')
    assert.equal(await theirs(subnet, 'ADD', 'g3'), '10.7.0.6/29')
    await assert.rejects(add(own, 'o3'), /no address is free in 10\.7\.0\.0\/29/)
    assert.match(await theirs(subnet, 'ADD', 'g4'), /^error: .*no IP addresses available/)
  })

  test('the files have the same content', async () => {
    await theirs(subnet, 'ADD', 'container')
    const facts = [content('10.7.0.2'), content('last_reserved_ip.0')]
    await theirs(subnet, 'DEL', 'container')
    rmSync(join(dataDir, 'net'), { recursive: true })
    await add(ours(subnet), 'container')
    assert.deepEqual([content('10.7.0.2'), content('last_reserved_ip.0')], facts)
  })

  test('each checks, refuses twice and releases what the other gave', async () => {
    const own = ours(subnet)
    await theirs(subnet, 'ADD', 'g1')
    await add(own, 'o1')
    assert.equal(await theirs(subnet, 'CHECK', 'o1'), '')
    assert.deepEqual(await own.store.addressesOf(pod('g1')), ['10.7.0.2'])
    assert.match(await theirs(subnet, 'ADD', 'o1'), /^error: .*duplicate allocation/)
    await assert.rejects(add(own, 'g1'), /holds 10\.7\.0\.2 already/)
    assert.deepEqual(await own.store.release(pod('g1')), ['10.7.0.2'])
    assert.match(await theirs(subnet, 'CHECK', 'g1'), /^error/)
    assert.equal(await theirs(subnet, 'DEL', 'o1'), '')
    assert.deepEqual(await own.store.addressesOf(pod('o1')), [])
    assert.deepEqual(leases(), [])
  })

  test('IPv6 names', async () => {
    const own = ours('fd00:7::/64')
    assert.equal(await theirs('fd00:7::/64', 'ADD', 'g1'), 'fd00:7::2/64')
    assert.equal(await add(own, 'o1'), 'fd00:7::3/64')
    assert.equal(await theirs('fd00:7::/64', 'CHECK', 'o1'), '')
  })

  test('an empty file of a crashed plugin is taken back', async () => {
    const own = ours('10.7.0.0/30')
    await add(own, 'o1')
    await own.store.release(pod('o1'))
    writeFileSync(join(dataDir, 'net', '10.7.0.2'), '')
    assert.match(await theirs('10.7.0.0/30', 'ADD', 'g1'), /^error/)
    assert.equal(await add(ours('10.7.0.0/30'), 'o2'), '10.7.0.2/30')
  })

  test('eight of each at once, with releases between: never one address twice, and ours knows what is there', async () => {
    const wide = '10.8.0.0/24'
    const [one, other] = [ours(wide), ours(wide)]
    const names = Array.from({ length: 8 }, (_, n) => `${n}`)
    for (let round = 0; round < 3; round += 1) {
      const addresses = await Promise.all([
        ...names.map(n => theirs(wide, 'ADD', `g${n}`)),
        ...names.map(n => add(one, `o${n}`)),
        ...names.slice(0, 4).map(n => add(other, `p${n}`)),
      ])
      assert.equal(new Set(addresses).size, 20)
      assert.ok(addresses.every(address => address.endsWith('/24')))
      for (const { store } of [one, other]) {
        const known = await store.locked(present => [...present.all()].map(({ address }) => address))
        assert.deepEqual(known.sort(), leases().sort())
      }
      await Promise.all([
        ...names.map(n => (round % 2 === 0 ? one.store.release(pod(`g${n}`)) : theirs(wide, 'DEL', `g${n}`))),
        ...names.map(n =>
          round % 2 === 0 ? theirs(wide, 'DEL', `o${n}`) : other.store.release(pod(`o${n}`)),
        ),
        ...names.slice(0, 4).map(n => theirs(wide, 'DEL', `p${n}`)),
      ])
      assert.deepEqual(leases(), [])
    }
  })

  test('names of pods that are remembered do not concern the Go plugin', async () => {
    const own = ours(subnet)
    assert.equal(await add(own, 'o1', 'default/web-0'), '10.7.0.2/29')
    assert.equal(await theirs(subnet, 'CHECK', 'o1'), '')
    assert.match(await theirs(subnet, 'CHECK', 'default/web-0'), /^error/)
    assert.equal(await theirs(subnet, 'DEL', 'o1'), '')
    assert.equal(content('sticky/10.7.0.2'), 'default/web-0 eth0')
    assert.equal(await theirs(subnet, 'ADD', 'g1'), '10.7.0.3/29')
    assert.equal(await add(own, 'o2', 'default/web-0'), '10.7.0.2/29')
  })

  test('garbage collection takes what the Go plugin gave', async () => {
    for (const name of ['g1', 'g2', 'g3']) await theirs(subnet, 'ADD', name)
    const { store } = ours(subnet)
    await store.collect(({ containerId }) => containerId === 'g2')
    assert.deepEqual(readdirSync(join(dataDir, 'net')).sort(), ['10.7.0.3', 'last_reserved_ip.0', 'lock'])
    assert.equal(await theirs(subnet, 'CHECK', 'g2'), '')
    assert.equal(await theirs(subnet, 'ADD', 'g4'), '10.7.0.5/29')
  })
})

/** A program of ours in a process of its own, that runs with the data directory as its argument. */
function program(body: string): string {
  return `
    import { HostLocalAllocator, HostLocalStore } from ${JSON.stringify(ipam)}
    import { systemClock } from ${JSON.stringify(base)}
    import { createFile, flockSync } from ${JSON.stringify(sys)}
    const store = new HostLocalStore({ dataDir: process.argv[1], network: 'net', flock: flockSync, createFile,
      clock: systemClock, random: Math.random })
    const allocator = new HostLocalAllocator({ store, clock: systemClock, rangeSets: [[{ prefix: '10.9.0.0/16' }]] })
    const add = async n => {
      const { result, kept } = await allocator.allocate({ containerId: String(n), ifName: 'eth0' }, {}, taken => taken)
      await kept.done
      return result
    }
    const write = text => process.stdout.write(text + '\\n')
    ${body}`
}

/** What a program prints; it must end well. */
async function lines(command: string, args: readonly string[], uid = 0): Promise<readonly string[]> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'], uid, gid: uid })
  let output = ''
  child.stdout.on('data', (data: Buffer) => {
    output += data.toString()
  })
  const [status] = await once(child, 'close')
  assert.equal(status, 0, output)
  return output.split('\n').slice(0, -1)
}

const nodeArguments = (body: string) => ['--input-type=module', '-e', program(body), '--', dataDir]

describe('faults', () => {
  test('SIGKILL at any moment leaves whole leases or empty ones, of nobody, and no confirmed one is lost', async () => {
    for (let round = 0; round < 4; round++) {
      const body = `for (let n = 0; ; n++) { const [one] = await add('${round}-' + n); write(one.address) }`
      const child = spawn(process.execPath, nodeArguments(body), { stdio: ['ignore', 'pipe', 'inherit'] })
      let output = ''
      child.stdout.on('data', (data: Buffer) => {
        output += data.toString()
        if (output.length > 500 + 97 * round) child.kill('SIGKILL')
      })
      await once(child, 'close')
      for (const name of leases()) assert.match(content(name), /^(\d-\d+\r\neth0)?$/)
      const confirmed = output.split('\n').slice(0, -1)
      for (const address of confirmed) assert.ok(leases().includes(address.replace('/16', '')))
    }
    assert.match(await theirs('10.9.0.0/16', 'ADD', 'g1'), /^10\.9\./)
    await ours('10.9.0.0/16').store.collect(() => false)
    assert.deepEqual(readdirSync(join(dataDir, 'net')).sort(), ['last_reserved_ip.0', 'lock'])
  })

  test('a full disk: an error that says so, nothing left; release works, and then there is room', async () => {
    // Five pages in a mount namespace that goes with its process; each file takes one.
    const body = `
      let n = 0
      try { for (;; n++) await add(n) } catch (error) { write(error.code + ' ' + error.payload.errno + ' ' + error.message) }
      const { readdirSync } = await import('node:fs')
      write(n + ' ' + readdirSync(process.argv[1] + '/net').filter(name => name.startsWith('10.')).length)
      await store.release({ containerId: '0', ifName: 'eth0' })
      write((await add('again')).length + ' again')`
    const script = 'mount -t tmpfs -o size=20k tmpfs "$1" && shift && exec "$@"'
    const command = ['-m', 'sh', '-c', script, 'sh', dataDir, process.execPath, ...nodeArguments(body)]
    const [error, counts, again] = await lines('unshare', command)
    assert.match(error ?? '', /^ipam\.store ENOSPC .*the disk is full, free space/)
    const [allocated, files] = (counts ?? '').split(' ')
    assert.ok(Number(allocated) > 0)
    assert.deepEqual([files, again], [allocated, '1 again'])
  })

  test('a read-only disk is named as such', async () => {
    const body = `await add(1).catch(error => write(error.code + ' ' + error.payload.errno + ' ' + error.message))`
    const script = 'mount -t tmpfs tmpfs "$1" && mount -o remount,ro "$1" && shift && exec "$@"'
    const command = ['-m', 'sh', '-c', script, 'sh', dataDir, process.execPath, ...nodeArguments(body)]
    const [error] = await lines('unshare', command)
    assert.match(error ?? '', /^ipam\.store EROFS .*read-only, remount it or choose another dataDir/)
  })
})

describe('an agent that is not root', () => {
  const UID = 64113
  const subnet = '10.9.0.0/16'

  /** What the program says, run as the agent's user. */
  const asAgent = (body: string) => lines(process.execPath, nodeArguments(body), UID)
  const tellFault = `.catch(error => write(error.code + ' ' + error.message))`
  const addOne = (name: string) => `await add('${name}').then(([one]) => write(one.address))${tellFault}`

  test('is told which path is not its own, and what gives it; then both go on', async () => {
    chmodSync(dataDir, 0o755)
    assert.equal(await theirs(subnet, 'ADD', 'g1'), '10.9.0.2/16')
    const [refusal] = await asAgent(addOne('o1'))
    const path = join(dataDir, 'net', 'lock')
    assert.ok(refusal?.includes(`permission denied for ${path}`), refusal)
    assert.ok(refusal?.includes(`podlace cni install --agent-uid UID --host-local-dir ${dataDir}`), refusal)

    giveDirectory(dataDir, UID)
    assert.deepEqual(await asAgent(addOne('o1')), ['10.9.0.3/16'])
    assert.equal(await theirs(subnet, 'ADD', 'g2'), '10.9.0.4/16')
    assert.equal(await theirs(subnet, 'CHECK', 'o1'), '')
    assert.deepEqual(await asAgent(addOne('o2')), ['10.9.0.5/16'])
    assert.equal(await theirs(subnet, 'DEL', 'o1'), '')
    assert.deepEqual(leases().sort(), ['10.9.0.2', '10.9.0.4', '10.9.0.5'])
  })

  test('keeps a lease that only root may read, says so when it collects garbage, and collects it when it may', async () => {
    chmodSync(dataDir, 0o755)
    giveDirectory(dataDir, UID)
    await asAgent(addOne('o1'))
    assert.equal(await theirs(subnet, 'ADD', 'g1'), '10.9.0.2/16')
    for (const name of ['10.9.0.2', 'last_reserved_ip.0']) {
      chownSync(join(dataDir, 'net', name), 0, 0)
      chmodSync(join(dataDir, 'net', name), 0o600)
    }
    const full = `await Promise.all(['a', 'b'].map(add)).then(all => write(all.map(([one]) => one.address).join(' ')))`
    const collect = `await store.collect(() => false).then(gone => write('gone ' + gone.length))${tellFault}`
    const [given, refusal] = await asAgent(`${full}\n${collect}`)
    assert.equal(given, '10.9.0.3/16 10.9.0.4/16')
    assert.match(refusal ?? '', /^ipam\.store whose address .*\/net\/10\.9\.0\.2 is cannot be read/)
    assert.deepEqual(leases(), ['10.9.0.2'])
    giveDirectory(dataDir, UID)
    assert.deepEqual(await asAgent(collect), ['gone 1'])
  })
})
