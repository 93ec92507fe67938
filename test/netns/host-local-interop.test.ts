/**
 * Ours and Debian's Go plugin `host-local` (package containernetworking-plugins) take turns on one directory. No
 * namespace is needed: IPAM plugins do not look at CNI_NETNS.
 */
import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { systemClock } from '../../src/base/index.ts'
import { formatAddress, nthAddress, parsePrefix } from '../../src/ip/index.ts'
import { HostLocalAllocator, HostLocalStore } from '../../src/ipam/index.ts'
import { flockSync } from '../../src/sys/index.ts'

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
  const store = new HostLocalStore({ dataDir, network: 'net', flock: flockSync, clock, random: Math.random })
  return {
    store,
    allocator: new HostLocalAllocator({ store, clock, rangeSets: [[{ prefix: subnet, gateway }]] }),
  }
}

async function add({ allocator }: Ours, name: string, sticky = ''): Promise<string> {
  const request = sticky === '' ? {} : { sticky }
  const [allocation] = await allocator.allocate(pod(name), request, taken => taken)
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

  test('both at once: never one address twice', async () => {
    const wide = '10.8.0.0/24'
    const [one, other] = [ours(wide), ours(wide)]
    const names = Array.from({ length: 12 }, (_, n) => `${n}`)
    const addresses = await Promise.all([
      ...names.map(n => theirs(wide, 'ADD', `g${n}`)),
      ...names.map(n => add(one, `o${n}`)),
      ...names.map(n => add(other, `p${n}`)),
    ])
    assert.equal(new Set(addresses).size, 36)
    assert.ok(addresses.every(address => address.endsWith('/24')))
    await Promise.all([
      ...names.map(n => one.store.release(pod(`g${n}`))),
      ...names.map(n => theirs(wide, 'DEL', `o${n}`)),
      ...names.map(n => theirs(wide, 'DEL', `p${n}`)),
    ])
    assert.deepEqual(leases(), [])
  })
})

/** A program of ours in a process of its own, that runs with the data directory as its argument. */
function program(body: string): string {
  return `
    import { HostLocalAllocator, HostLocalStore } from ${JSON.stringify(ipam)}
    import { systemClock } from ${JSON.stringify(base)}
    import { flockSync } from ${JSON.stringify(sys)}
    const store = new HostLocalStore({ dataDir: process.argv[1], network: 'net', flock: flockSync,
      clock: systemClock, random: Math.random })
    const allocator = new HostLocalAllocator({ store, clock: systemClock, rangeSets: [[{ prefix: '10.9.0.0/16' }]] })
    const add = n => allocator.allocate({ containerId: String(n), ifName: 'eth0' }, {}, taken => taken)
    const write = text => process.stdout.write(text + '\\n')
    ${body}`
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
    const child = spawn('unshare', command, { stdio: ['ignore', 'pipe', 'inherit'] })
    let output = ''
    child.stdout.on('data', (data: Buffer) => {
      output += data.toString()
    })
    const [status] = await once(child, 'close')
    const [error, counts, again] = output.split('\n')
    assert.equal(status, 0, output)
    assert.match(error ?? '', /^ipam\.store ENOSPC .*the disk is full, free space/)
    const [allocated, files] = (counts ?? '').split(' ')
    assert.ok(Number(allocated) > 0)
    assert.deepEqual([files, again], [allocated, '1 again'])
  })
})
