import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock, silentLogger } from '../base/index.ts'
import { type CniRequest, encodeRequest } from '../cni/index.ts'
import { LateDeletes, type Tombstones } from './tombstones.ts'

function request(command: string, containerId: string): CniRequest {
  const environment = new Map([
    ['CNI_COMMAND', command],
    ['CNI_CONTAINERID', containerId],
    ['CNI_IFNAME', 'eth0'],
  ])
  return { type: 'podlace', fds: [], environment, stdin: Buffer.from('{}') }
}

/** An agent that notes its calls, and a directory of tombstones. */
class Bench implements Tombstones {
  readonly clock = new ManualClock()
  readonly calls: string[] = []
  fails = false
  private readonly files = new Map<string, Uint8Array>()
  readonly late = new LateDeletes({
    agent: {
      handle: async ({ environment }) => {
        if (this.fails) throw new Error('not now')
        this.calls.push(`${environment.get('CNI_COMMAND')} ${environment.get('CNI_CONTAINERID')}`)
        return {}
      },
    },
    tombstones: this,
    clock: this.clock,
    log: silentLogger,
  })

  leave(containerId: string): void {
    this.files.set(`${containerId}-eth0`, encodeRequest(request('DEL', containerId)))
  }

  list(): readonly string[] {
    return [...this.files.keys()]
  }

  read(name: string): Uint8Array | undefined {
    return this.files.get(name)
  }

  remove(name: string): void {
    this.files.delete(name)
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
  bench.fails = true
  await bench.late.start()
  assert.deepEqual(bench.list(), ['c1-eth0'])
  bench.fails = false
  await bench.clock.advance(10_000)
  assert.deepEqual([bench.calls, bench.list()], [['DEL c1'], []])
})

test('an ADD comes after the DEL that its interface still waits for, and not after those of others', async () => {
  const bench = new Bench()
  await bench.late.start()
  bench.leave('c1')
  bench.leave('c2')
  await bench.late.handle(request('ADD', 'c1'), undefined)
  assert.deepEqual([bench.calls, bench.list()], [['DEL c1', 'ADD c1'], ['c2-eth0']])
  await bench.late.handle(request('CHECK', 'c2'), undefined)
  assert.deepEqual(bench.calls, ['DEL c1', 'ADD c1', 'CHECK c2'])
})

test('when it is stopped it looks no more', async () => {
  const bench = new Bench()
  await bench.late.start()
  bench.late.stop()
  bench.leave('c1')
  await bench.clock.advance(60_000)
  assert.deepEqual(bench.calls, [])
})
