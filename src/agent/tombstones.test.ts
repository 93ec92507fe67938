import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { ManualClock, silentLogger, systemClock } from '../base/index.ts'
import { type CniRequest, cniError, encodeRequest } from '../cni/index.ts'
import { LateDeletes, type Tombstones, tombstonesIn } from './tombstones.ts'

function request(command: string, containerId: string, type = 'podlace'): CniRequest {
  const environment = new Map([
    ['CNI_COMMAND', command],
    ['CNI_CONTAINERID', containerId],
    ['CNI_IFNAME', 'eth0'],
  ])
  return { type, fds: [], environment, stdin: Buffer.from('{}') }
}

/** An agent that notes its calls, and a directory of tombstones. */
class Bench implements Tombstones {
  readonly clock = new ManualClock()
  readonly calls: string[] = []
  failure: Error | undefined
  readonly complaints: string[] = []
  private readonly files = new Map<string, Uint8Array>()
  readonly late = new LateDeletes({
    agent: {
      handle: async ({ type, environment }) => {
        if (this.failure !== undefined) throw this.failure
        const plugin = type === 'podlace' ? '' : ` of ${type}`
        this.calls.push(`${environment.get('CNI_COMMAND')} ${environment.get('CNI_CONTAINERID')}${plugin}`)
        return {}
      },
    },
    tombstones: this,
    clock: this.clock,
    log: { ...silentLogger, error: message => this.complaints.push(message) },
  })

  leave(containerId: string, name = `${containerId}-eth0-1`, type?: string): void {
    this.files.set(name, encodeRequest(request('DEL', containerId, type)))
  }

  list(beginning = ''): readonly string[] {
    return [...this.files.keys()].filter(name => name.startsWith(beginning))
  }

  read(name: string): Uint8Array | undefined {
    return this.files.get(name)
  }

  remove(name: string): void {
    this.files.delete(name)
  }

  damage(name: string): void {
    this.files.set(name, Buffer.from('{}'))
  }
}

test('DELs that nobody heard are carried out at the start, in order, and once', async () => {
  const bench = new Bench()
  bench.leave('c1')
  bench.leave('c2')
  await bench.late.start()
  await bench.clock.advance(60_000)
  assert.deepEqual(bench.calls, ['DEL c1', 'DEL c2'])
  assert.deepEqual(bench.list(), [])
})

test('one that is written when the agent has started is carried out soon', async () => {
  const bench = new Bench()
  await bench.late.start()
  bench.leave('c1')
  await bench.clock.advance(10_000)
  assert.deepEqual(bench.calls, ['DEL c1'])
})

test('one that fails stays, and is tried again', async () => {
  const bench = new Bench()
  bench.leave('c1')
  bench.failure = new Error('not now')
  await bench.late.start()
  assert.deepEqual(bench.list(), ['c1-eth0-1'])
  bench.failure = undefined
  await bench.clock.advance(10_000)
  assert.deepEqual([bench.calls, bench.list()], [['DEL c1'], []])
})

const HOUR_MS = 3_600_000

async function pass(bench: Bench, hours: number): Promise<void> {
  for (let hour = 0; hour < hours; hour++) await bench.clock.advance(HOUR_MS)
}

test('one that fails for a day is given up with a word, and those that can still pass are not', async () => {
  const bench = new Bench()
  bench.leave('c1')
  bench.failure = new Error('no such plugin')
  await bench.late.start()
  await pass(bench, 23)
  assert.deepEqual([bench.list().length, bench.complaints.length], [1, 1])
  await pass(bench, 2)
  assert.equal(bench.list().length, 0)
  assert.match(bench.complaints[1] ?? '', /given up/)

  bench.leave('c1')
  bench.failure = cniError('try-again-later', 'attach', 'a shim is needed')
  await pass(bench, 48)
  assert.equal(bench.list().length, 1)
  // Its day begins when it is refused.
  bench.failure = new Error('no such plugin')
  await pass(bench, 1)
  assert.equal(bench.list().length, 1)
  bench.failure = cniError('try-again-later', 'attach', 'a shim is needed')
  await pass(bench, 1)
  bench.failure = new Error('no such plugin')
  await pass(bench, 20)
  assert.deepEqual([bench.list().length, bench.complaints.length], [1, 4])
  await pass(bench, 5)
  assert.equal(bench.list().length, 0)
})

test('one that cannot be read does not keep the others from being carried out', async () => {
  const bench = new Bench()
  bench.leave('c1')
  bench.damage('c1-eth0-1')
  bench.leave('c2')
  await bench.late.start()
  assert.deepEqual([bench.calls, bench.list()], [['DEL c2'], ['c1-eth0-1']])
})

test('an ADD comes after the DEL that its interface still waits for, and not after those of others', async () => {
  const bench = new Bench()
  await bench.late.start()
  bench.leave('c1')
  bench.leave('c2')
  await bench.late.handle(request('ADD', 'c1'), undefined)
  assert.deepEqual([bench.calls, bench.list()], [['DEL c1', 'ADD c1'], ['c2-eth0-1']])
  await bench.late.handle(request('CHECK', 'c2'), undefined)
  assert.deepEqual(bench.calls, ['DEL c1', 'ADD c1', 'CHECK c2'])
})

test('an ADD comes after all DELs of its interface, in the order of the chain, also of a shim of before', async () => {
  const bench = new Bench()
  await bench.late.start()
  bench.leave('c1', 'c1-eth0')
  bench.leave('c1', 'c1-eth0-900', 'portmap')
  bench.leave('c1', 'c1-eth0-17', 'portmap')
  bench.leave('c1', 'c1-eth0-18446744073709551615', 'bridge')
  bench.leave('c1', 'c1-eth01-5', 'bridge')
  await bench.late.handle(request('ADD', 'c1'), undefined)
  assert.deepEqual(bench.calls, [
    'DEL c1',
    'DEL c1 of portmap',
    'DEL c1 of portmap',
    'DEL c1 of bridge',
    'ADD c1',
  ])
  assert.deepEqual(bench.list(), ['c1-eth01-5'])
})

test('a directory is read again when it has changed, and no change to come has the time that it has', t => {
  const stateDir = fs.mkdtempSync(path.join(os.tmpdir(), 'podlace-tombstones-'))
  t.after(() => fs.rmSync(stateDir, { recursive: true }))
  const tombstones = tombstonesIn(stateDir, { clock: systemClock, random: Math.random })
  const directory = path.join(stateDir, 'tombstones')
  const read = t.mock.method(fs, 'readdirSync')
  const list = () => ({ names: tombstones.list('c1-eth0'), reads: read.mock.callCount() })
  assert.deepEqual(list(), { names: [], reads: 1 })
  assert.deepEqual(list(), { names: [], reads: 1 })
  assert.ok(fs.statSync(directory).mtimeMs < systemClock.wallMs() - 900)
  fs.writeFileSync(path.join(directory, 'c1-eth0-1'), '')
  assert.deepEqual(list(), { names: ['c1-eth0-1'], reads: 2 })
  assert.deepEqual(list(), { names: ['c1-eth0-1'], reads: 2 })
  tombstones.remove('c1-eth0-1')
  assert.deepEqual(list(), { names: [], reads: 3 })
})

test('of a directory that could not be read nothing is kept', t => {
  const stateDir = fs.mkdtempSync(path.join(os.tmpdir(), 'podlace-tombstones-'))
  t.after(() => fs.rmSync(stateDir, { recursive: true }))
  const tombstones = tombstonesIn(stateDir, { clock: systemClock, random: Math.random })
  const directory = path.join(stateDir, 'tombstones')
  assert.deepEqual(tombstones.list(), [])
  fs.rmSync(directory, { recursive: true })
  for (let n = 0; n < 2; n += 1) assert.throws(() => tombstones.list(), /ENOENT/)
  fs.mkdirSync(directory)
  fs.writeFileSync(path.join(directory, 'c1-eth0-1'), '')
  assert.deepEqual(tombstones.list(), ['c1-eth0-1'])
})

test('the directory: in the order of writing, and whole files only', t => {
  const stateDir = fs.mkdtempSync(path.join(os.tmpdir(), 'podlace-tombstones-'))
  t.after(() => fs.rmSync(stateDir, { recursive: true }))
  const tombstones = tombstonesIn(stateDir, { clock: systemClock, random: Math.random })
  const at = (name: string) => path.join(stateDir, 'tombstones', name)
  const files = ['c1-eth0-30', 'c1-eth0-20', 'c2-eth0-1', 'c1-eth0-10', '.77.tmp']
  for (const name of files) fs.writeFileSync(at(name), name)
  fs.mkdirSync(at('lost+found'))
  for (const [nth, name] of files.entries()) fs.utimesSync(at(name), 0, 1_700_000_000 + nth / 10_000)
  assert.deepEqual(tombstones.list(), ['c1-eth0-30', 'c1-eth0-20', 'c2-eth0-1', 'c1-eth0-10'])
  assert.deepEqual(tombstones.list('c1-eth0'), ['c1-eth0-30', 'c1-eth0-20', 'c1-eth0-10'])
  assert.equal(String(tombstones.read('c2-eth0-1')), 'c2-eth0-1')
  tombstones.remove('c2-eth0-1')
  assert.equal(tombstones.read('c2-eth0-1'), undefined)
  tombstones.remove('c2-eth0-1')
})

test('when it is stopped it looks no more', async () => {
  const bench = new Bench()
  await bench.late.start()
  bench.late.stop()
  bench.leave('c1')
  await bench.clock.advance(60_000)
  assert.deepEqual(bench.calls, [])
})
