import assert from 'node:assert/strict'
import { afterEach, test } from 'node:test'
import { type Clock, ManualClock, settle, silentLogger } from '../base/index.ts'
import { PodCidrController } from '../controller/index.ts'
import { MemoryStore } from '../store/index.ts'
import { Link } from './network/testing/link.ts'
import { AgentBench } from './testing/agent-bench.ts'

const COOLDOWN_S = 600
/** Four fifths of it. */
const VALID_MS = 480_000
const BLOCK = '10.244.0.64-26'
const OVERLAY = 'link flannel.1'

/** The clock of one process, which may be stopped (its timers wait), and whose wall clock may be set. */
class ProcessClock implements Clock {
  wallOffsetMs = 0
  /** Time that passed for this process alone, as when it stood still in the middle of a step. */
  lostMs = 0
  paused = false
  private readonly inner: ManualClock
  private waiting: (() => void)[] = []

  constructor(inner: ManualClock) {
    this.inner = inner
  }

  nowMs(): number {
    return this.inner.nowMs() + this.lostMs
  }

  wallMs(): number {
    return this.inner.wallMs() + this.wallOffsetMs
  }

  after(delayMs: number, fn: () => void) {
    return this.inner.after(delayMs, () => {
      if (this.paused) this.waiting.push(fn)
      else fn()
    })
  }

  /** Timers that fell due meanwhile fire when `catchUp` is called: a call may come first. */
  resume(): void {
    this.paused = false
  }

  catchUp(): void {
    for (const fn of this.waiting.splice(0)) fn()
  }
}

/** A controller, a network with room for one node, node-1 with an agent; node-2 wants the block. */
class World {
  readonly clock = new ManualClock()
  readonly store = new MemoryStore({ clock: this.clock, random: Math.random })
  readonly machines: AgentBench[] = []
  private readonly controller = new PodCidrController({
    store: this.store,
    clock: this.clock,
    random: Math.random,
    log: silentLogger,
  })

  static async start(): Promise<World> {
    const world = new World()
    const spec = {
      network: '10.244.0.0/25',
      subnetLength: 26,
      backend: { type: 'vxlan' as const },
      blockCooldownSeconds: COOLDOWN_S,
    }
    await world.store.create('NetworkConfig', { metadata: { name: 'default' }, spec })
    await world.addNode('node-1', '192.168.77.1')
    world.controller.start()
    return world
  }

  async machine(bootId = 'boot-1') {
    const link = new Link(this.store)
    const clock = new ProcessClock(this.clock)
    const files = new Map<string, string>()
    const { store } = this
    const bench = await AgentBench.start({ store, through: link.asStore(), clock, bootId, files })
    this.machines.push(bench)
    await this.pass(1_000)
    return { bench, link, clock }
  }

  async addNode(name: string, address: string): Promise<void> {
    const status = { addresses: [{ type: 'InternalIP', address }] }
    await this.store.create('Node', { metadata: { name }, spec: {}, status })
  }

  /** Node-1 is taken out, and node-2 waits for its block. */
  async replaceNode(): Promise<void> {
    await this.store.delete('Node', 'node-1')
    await this.addNode('node-2', '192.168.77.2')
    await this.pass(1_000)
  }

  async hasPassedOn(): Promise<boolean> {
    return (await this.store.get('Node', 'node-2')).spec.podCIDR !== undefined
  }

  async pass(ms: number): Promise<void> {
    await quiet()
    await this.clock.advance(ms)
    await quiet()
  }

  async end(): Promise<void> {
    for (const machine of this.machines) await machine.stop()
    await this.controller.stop()
  }
}

/** Lets everything run that can run without time passing. */
async function quiet(): Promise<void> {
  for (let n = 0; n < 20; n += 1) await settle()
}

let world: World

afterEach(() => world.end())

async function attached() {
  world = await World.start()
  const machine = await world.machine()
  const { result } = await machine.bench.add('a')
  assert.equal(result?.ips?.[0]?.address, '10.244.0.66/26')
  await world.pass(2_000)
  return machine
}

test('a node that is cut off from the store is fenced before its block passes to another', async () => {
  const { bench, link } = await attached()
  link.cut()
  await world.replaceNode()
  const fenced: boolean[] = []
  for (let n = 0; n < 80; n += 1) {
    fenced.push(!bench.kernelHas(OVERLAY))
    const passed = await world.hasPassedOn()
    assert.ok(!passed || fenced.at(-1), `after ${n * 10} s two nodes have the block`)
    if (passed) break
    await world.pass(10_000)
  }
  assert.ok(await world.hasPassedOn())
  assert.ok(fenced.filter(is => !is).length * 10_000 > VALID_MS - 120_000, 'not sooner than it must')
  const { error } = await bench.add('b')
  assert.equal(error?.code, 11)
  assert.match(
    error?.msg ?? '',
    /the claim on the block 10\.244\.0\.64\/26 was confirmed last at 20.*cut off/,
  )
  assert.equal((await bench.call('STATUS', 'b')).error?.code, 50)
  link.heal()
  await world.pass(60_000)
  assert.match(bench.agent.notReady() ?? '', /belongs to Node node-2 now/)
  assert.deepEqual(await bench.call('DEL', 'a'), {}, 'DEL works while it is fenced')
  assert.deepEqual(
    bench.hostState().filter(key => /veth/.test(key)),
    [],
  )
})

test('an outage of the store that is shorter changes nothing; a longer one cuts off, and all comes back by itself', async () => {
  const { bench, link } = await attached()
  await bench.add('short')
  await bench.call('DEL', 'short')
  await world.pass(2_000)
  const before = bench.hostState()
  link.cut()
  await world.pass(VALID_MS - 120_000)
  assert.deepEqual(bench.hostState(), before)
  await world.pass(130_000)
  assert.ok(!bench.kernelHas(OVERLAY))
  assert.match(JSON.stringify(bench.view().status()), /"lease":\{"text":"the claim on the block/)
  link.heal()
  await world.pass(60_000)
  assert.deepEqual(bench.hostState(), before)
  const { result } = await bench.add('b')
  assert.equal(result?.ips?.[0]?.address, '10.244.0.68/26', 'the one that was released is still cooling down')
})

test('a process that stood still for long refuses a pod before any of its timers fires', async () => {
  const { bench, link, clock } = await attached()
  link.cut()
  clock.paused = true
  await world.replaceNode()
  await world.pass(COOLDOWN_S * 1_000 + 60_000)
  assert.ok(await world.hasPassedOn())
  link.heal()
  clock.resume()
  assert.equal((await bench.add('b')).error?.code, 11)
  clock.catchUp()
  await world.pass(1_000)
  assert.ok(!bench.kernelHas(OVERLAY))
})

test('a process that stands still in the middle of an ADD takes it back', async () => {
  const { bench, clock } = await attached()
  const before = bench.hostState()
  bench.beforeOperation(({ entry }) => {
    if (entry.kind === 'address' && entry.link === 'eth0') clock.lostMs = COOLDOWN_S * 1_000
  })
  const { error } = await bench.add('b')
  assert.equal(error?.code, 11)
  assert.match(error?.msg ?? '', /too long ago/)
  assert.deepEqual(bench.hostState(), before)
  assert.equal(bench.agent.attached.size, 1)
})

test('the wall clock may jump by an hour, forward and back', async () => {
  const { bench, clock } = await attached()
  const before = bench.hostState()
  for (const jump of [3_600_000, -3_600_000]) {
    clock.wallOffsetMs = jump
    await world.pass(COOLDOWN_S * 1_000)
    assert.equal(bench.agent.notReady(), undefined)
    assert.deepEqual(bench.hostState(), before)
  }
})

test('an agent that starts anew without the store keeps to the limit of the one before', async () => {
  const { bench, link } = await attached()
  const before = bench.hostState()
  link.cut()
  await world.replaceNode()
  await bench.restart()
  await world.pass(100_000)
  assert.deepEqual(bench.hostState(), before, 'a restart cuts nobody off')
  await world.pass(VALID_MS)
  assert.ok(!bench.kernelHas(OVERLAY))
  assert.ok(!(await world.hasPassedOn()))
  await bench.restart()
  assert.ok(!bench.kernelHas(OVERLAY))
})

test('of two machines with one name one is cut off, and says which the other is', async () => {
  const { bench } = await attached()
  const clone = await world.machine('boot-2')
  await world.pass(60_000)
  assert.ok(!bench.kernelHas(OVERLAY))
  assert.ok(clone.bench.kernelHas(OVERLAY))
  const { error } = await bench.add('b')
  assert.match(error?.msg ?? '', /another agent answers for Node node-1, on a machine with boot id boot-2/)
  await clone.bench.stop()
  await world.pass(COOLDOWN_S * 1_000 + 120_000)
  assert.ok(bench.kernelHas(OVERLAY))
})

test('an agent that said that its released block is empty attaches nothing more, though it heard of no release of its Node', async () => {
  const { bench, link } = await attached()
  await bench.call('DEL', 'a')
  await world.pass(2_000)
  link.deafen('Node')
  link.losesAnswers = true
  await world.store.delete('Node', 'node-1')
  await quiet()
  assert.ok(
    (await world.store.get('PodBlock', BLOCK)).spec.releasedAt,
    'it was told that its block is released',
  )
  link.deafen('PodBlock')
  await world.addNode('node-2', '192.168.77.2')
  await world.pass(10_000)
  assert.ok(await world.hasPassedOn(), 'the report reached the store')
  const { error } = await bench.add('b')
  assert.equal(error?.code, 11)
  await bench.restart()
  assert.equal((await bench.add('b')).error?.code, 11)
})

test('a machine that takes the name of one that is cut off does not speak for its pods', async () => {
  const { link } = await attached()
  link.cut()
  await world.replaceNode()
  await world.machine('boot-2')
  await world.pass(60_000)
  assert.equal((await world.store.get('PodBlock', BLOCK)).spec.nodeName, 'node-1')
  await world.pass(COOLDOWN_S * 1_000)
  assert.ok(await world.hasPassedOn())
})

test('a machine that took over the claim of one that is cut off does not free the block by its own count', async () => {
  const { bench, link } = await attached()
  link.cut()
  await world.machine('boot-2')
  await world.pass(10_000)
  await world.replaceNode()
  await world.pass(60_000)
  assert.ok(bench.kernelHas(OVERLAY), 'the one that is cut off serves its pod')
  assert.ok(!(await world.hasPassedOn()))
  await world.pass(COOLDOWN_S * 1_000)
  assert.ok(!bench.kernelHas(OVERLAY))
  assert.ok(await world.hasPassedOn())
})

test('a node with a new block takes part when the pods with addresses of the old one are gone', async () => {
  const { bench } = await attached()
  await world.store.delete('Node', 'node-1')
  await world.pass(1_000)
  await world.store.delete('PodBlock', BLOCK)
  await world.addNode('node-2', '192.168.77.2')
  await world.pass(1_000)
  assert.ok(await world.hasPassedOn())
  const spec = { network: '10.244.0.0/24', subnetLength: 26, backend: { type: 'vxlan' as const } }
  await world.store.patch('NetworkConfig', 'default', { spec })
  await world.addNode('node-1', '192.168.77.1')
  await world.pass(10_000)
  assert.match(
    bench.agent.notReady() ?? '',
    /addresses that are not of this node's blocks any more \(10\.244\.0\.66\)/,
  )
  assert.ok(!bench.kernelHas(OVERLAY))
  await bench.call('DEL', 'a')
  await world.pass(10_000)
  assert.equal((await bench.add('b')).result?.ips?.[0]?.address, '10.244.0.130/26')
})

test('the time that the claim still holds is on the status page and in the metrics, in words and seconds', async () => {
  const { bench } = await attached()
  const { lease } = bench.view().status() as { lease: { text: string; remainingSeconds: number } }
  assert.match(lease.text, /^valid for 47\d s, last confirmed at 20\d\d-/)
  assert.ok(lease.remainingSeconds > 470)
  assert.match(await bench.view().metrics(), /^podlace_agent_lease_remaining_seconds 47\d/m)
})
