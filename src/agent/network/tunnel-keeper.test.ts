import assert from 'node:assert/strict'
import { afterEach, beforeEach, test } from 'node:test'
import { Registry } from 'prom-client'
import { ManualClock, PodlaceError, silentLogger } from '../../base/index.ts'
import { Graph, type Source } from '../../derive/index.ts'
import type { KernelEvent } from '../../kernel/index.ts'
import type { OverlayEffect, TunnelEffect } from '../../overlay/index.ts'
import type { DropReason, TunnelConfiguration, TunnelTable } from '../../tunnel/index.ts'
import { TunnelKeeper } from './tunnel-keeper.ts'
import { registerTunnelMetrics } from './tunnel-metrics.ts'
import type { TunnelControl, TunnelWorld } from './tunnel-world.ts'

/** A tunnel process and what is around it; `said` is what was asked of it, in order. */
class FakeTunnel {
  said: string[] = []
  process: { configuration: bigint; table: bigint } | undefined
  tables: TunnelTable[] = []
  index: number | undefined = 7
  drops = new Map<DropReason, bigint>()
  private listeners: (() => void)[] = []

  readonly world: TunnelWorld = {
    connect: () => this.connect(),
    start: async () => {
      this.said.push('start')
      this.process = { configuration: 0n, table: 0n }
    },
    end: pid => {
      this.said.push(`end ${pid}`)
      this.process = undefined
    },
    openQueues: device => {
      this.said.push(`open ${device}`)
      const close = () => void this.said.push('close')
      return { queues: [{ tunFd: 3, udpFd: 4 }], close, [Symbol.dispose]: close }
    },
    deviceIndex: async () => this.index,
  }

  die(): void {
    this.process = undefined
    for (const listener of this.listeners.splice(0)) listener()
  }

  private connect(): TunnelControl {
    const { process } = this
    if (process === undefined) throw new PodlaceError('connect', 'nobody there', { code: 'sys.econnrefused' })
    return {
      configure: async ({ revision, mtu }: TunnelConfiguration) => {
        this.said.push(`configure mtu ${mtu}`)
        process.configuration = revision
      },
      setTable: async table => {
        this.said.push(`table of ${table.peers.length}`)
        this.tables.push(table)
        process.table = table.revision
      },
      status: async () => ({
        pid: 42,
        configurationRevision: process.configuration,
        tableRevision: process.table,
        queues: 1,
        udpSegmentation: false,
        drops: new Map(this.drops),
        peers: [],
      }),
      onClose: listener => void this.listeners.push(listener),
      close: () => {},
    }
  }
}

const tunnel: TunnelEffect = {
  kind: 'tunnel',
  device: 'flannel0',
  endpoint: { address: '192.168.77.1', port: 8285 },
  tunnelAddress: '10.244.1.0',
  mtu: 1472,
  localPrefixes: ['10.244.1.0/24'],
}
const peer = (prefix: string, address: string): OverlayEffect => ({
  kind: 'tunnel-peer',
  peer: { address, port: 8285, prefixes: [prefix] },
})

let effects: Source<OverlayEffect>
let fake: FakeTunnel
let keeper: TunnelKeeper
let clock: ManualClock
let tell: (event: KernelEvent) => void

beforeEach(() => {
  fake = new FakeTunnel()
  effects = new Graph().source('effects')
  clock = new ManualClock()
  start()
})
afterEach(() => keeper.stop())

function start(): void {
  keeper = new TunnelKeeper({
    effects,
    world: fake.world,
    kernel: {
      watch: listener => {
        tell = listener
        return () => {}
      },
    },
    clock,
    random: () => 0.5,
    log: silentLogger,
  })
}

/** Every promise on its way; nothing here waits for anything else. */
const rest = () => new Promise(resolve => setImmediate(() => setImmediate(resolve)))
const said = () => fake.said.splice(0)

test('a process is started, configured, and told of the peers as they come and go', async () => {
  effects.set('tunnel', tunnel)
  await rest()
  assert.deepEqual(said(), ['start', 'open flannel0', 'configure mtu 1472', 'close', 'table of 0'])
  effects.set('a', peer('10.244.3.0/24', '192.168.77.3'))
  await rest()
  effects.delete('a')
  await rest()
  assert.deepEqual(said(), ['table of 1', 'table of 0'])
})

test('an agent that starts anew finds everything right and says nothing', async () => {
  effects.set('tunnel', tunnel)
  effects.set('a', peer('10.244.3.0/24', '192.168.77.3'))
  await rest()
  keeper.stop()
  said()
  start()
  keeper.release()
  await rest()
  assert.deepEqual(said(), [])
})

test('another process, another address and another device are configured anew', async () => {
  effects.set('tunnel', tunnel)
  await rest()
  said()
  fake.die()
  await rest()
  assert.deepEqual(said(), ['start', 'open flannel0', 'configure mtu 1472', 'close', 'table of 0'])
  effects.set('tunnel', { ...tunnel, endpoint: { address: '192.168.77.9', port: 8285 } })
  await rest()
  assert.deepEqual(said(), ['open flannel0', 'configure mtu 1472', 'close'])
  fake.index = 8
  tell({
    event: 'set',
    observed: {
      entry: { kind: 'link', type: 'device', claim: 'use', owner: '', name: 'flannel0' },
      mark: 'ours',
    },
  })
  await rest()
  assert.deepEqual(said(), ['open flannel0', 'configure mtu 1472', 'close'])
})

test('without its device nothing is started', async () => {
  fake.index = undefined
  effects.set('tunnel', tunnel)
  await rest()
  assert.deepEqual(said(), [])
})

test('nodes behind one address are one peer', async () => {
  effects.set('a', peer('10.244.4.0/24', '192.168.77.3'))
  effects.set('b', peer('10.244.3.0/24', '192.168.77.3'))
  effects.set('tunnel', tunnel)
  await rest()
  assert.deepEqual(fake.tables.at(-1)?.peers, [
    { address: '192.168.77.3', port: 8285, prefixes: ['10.244.3.0/24', '10.244.4.0/24'] },
  ])
})

test('a process that no plan wants ends, but not before the plans are complete', async () => {
  fake.process = { configuration: 5n, table: 5n }
  effects.set('a', peer('10.244.3.0/24', '192.168.77.3'))
  await rest()
  assert.deepEqual(said(), [])
  keeper.release()
  await rest()
  assert.deepEqual(said(), ['end 42'])
})

test('what the process drops lately is said in words, if no sound network sends it', async () => {
  fake.drops = new Map([
    ['spoofed-source', 5n],
    ['no-route', 1n],
  ])
  effects.set('tunnel', tunnel)
  await rest()
  await clock.advance(30_000)
  assert.deepEqual(keeper.drops.findings(), [], 'what it dropped before is no news')
  fake.drops.set('spoofed-source', 8n).set('no-route', 9n).set('loop', 1n)
  await clock.advance(30_000)
  const texts = keeper.drops.findings().map(({ text }) => text)
  assert.equal(texts.length, 2)
  assert.match(
    texts[0] ?? '',
    /^it drops packets of a node that bear the source .* \(spoofed-source: 3 in the last 30 s\)$/,
  )
  assert.match(texts[1] ?? '', /\(loop: 1 in the last 30 s\)$/)
  await clock.advance(30_000)
  assert.deepEqual(keeper.drops.findings(), [])
})

test('what the process drops is counted by reason, and no longer told when there is none', async () => {
  const registry = new Registry()
  registerTunnelMetrics(registry, () => keeper.drops.totals())
  fake.drops.set('truncated', 3n)
  effects.set('tunnel', tunnel)
  await rest()
  assert.match(
    await registry.metrics(),
    /^podlace_agent_tunnel_dropped_packets_total\{reason="truncated"\} 3$/m,
  )
  effects.delete('tunnel')
  keeper.release()
  await rest()
  assert.doesNotMatch(await registry.metrics(), /truncated/)
})
