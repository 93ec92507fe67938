/**
 * ADD and DEL of a pod, through our shim and agent, against Debian's Go plugins `bridge` and `host-local`. Both run
 * in fake hosts, in turns, with the same configuration; what they made is compared before their times count.
 */
import assert from 'node:assert/strict'
import { interleave, type Row, spread, toRow } from './stats.ts'
import type { Bench, BenchContext } from './support/bench.ts'
import {
  type CniSide,
  cniCall,
  createOurs,
  createPeer,
  networkConfig,
  type Pod,
  WORLD,
} from './support/cni-side.ts'
import { checkGone, comparableResult, reaches, readState } from './support/cni-state.ts'
import type { CallResult } from './support/host-worker.ts'

const PODS = 50
const PLAIN = networkConfig({ ipMasq: false })
const MASQUERADE = networkConfig({ ipMasq: true })

interface Plan {
  readonly rounds: number
  readonly perRound: number
  readonly bursts: number
  /** Calls to our agent before those that count as warm. */
  readonly warmUp: number
}

const FULL: Plan = { rounds: 6, perRound: 20, bursts: 5, warmUp: 300 }
const QUICK: Plan = { rounds: 1, perRound: 4, bursts: 1, warmUp: 20 }

/** The first calls after an agent's start, one after the other, that count as cold. */
const COLD_CALLS = 20

let attachments = 0

/** The first `count` pods, under container ids that were never used. */
function freshPods(count: number): Pod[] {
  return Array.from({ length: count }, (_, index) => ({
    containerId: `bench-${++attachments}`,
    netns: `/run/netns/pod-${index}`,
  }))
}

/** Calls the plugin for each pod; one failure is the end of the benchmark. */
async function callAll(
  side: CniSide,
  command: 'ADD' | 'DEL',
  pods: readonly Pod[],
  config: string,
  parallel = 1,
): Promise<{ readonly results: readonly CallResult[]; readonly totalMs: number }> {
  const calls = pods.map(pod => cniCall(side, command, pod, config))
  const done = await side.host.calls(calls, parallel)
  const failed = done.results.find(result => result.exitCode !== 0)
  if (failed === undefined) return done
  throw new Error(`${side.label}: ${command} ended with ${failed.exitCode}: ${failed.stdout}${failed.stderr}`)
}

const times = (results: readonly CallResult[]): number[] => results.map(result => result.ms)

/** One attachment on each side, looked at closely. */
async function compareWork(sides: Sides, config: string, bridge: string, gateway: string): Promise<void> {
  const [pod] = freshPods(1)
  assert.ok(pod !== undefined)
  const found = new Map<string, unknown>()
  for (const side of [sides.ours, sides.peer]) {
    const { results } = await callAll(side, 'ADD', [pod], config)
    const state = await readState(side, pod, bridge, gateway)
    assert.ok(state.firstPacket, `${side.label}: the first packet to ${gateway} got no answer`)
    if (config === MASQUERADE) {
      assert.ok(
        await reaches(side, pod, WORLD.beyond),
        `${side.label}: ipMasq, yet nothing comes back from outside`,
      )
    }
    found.set(side.label, { ...state, result: comparableResult(results[0]?.stdout ?? '') })
    await callAll(side, 'DEL', [pod], config)
    await checkGone(side, pod, bridge)
  }
  assert.deepEqual(found.get('ours'), found.get('peer'), 'both sides must do the same work')
}

interface Sides {
  readonly ours: CniSide
  readonly peer: CniSide
}

interface Samples {
  readonly add: number[]
  readonly del: number[]
  /** CPU milliseconds per call: everything that was started, and the agent. */
  readonly addCpu: number[]
  readonly delCpu: number[]
}

/** A round of ADDs and DELs, one after the other or several at once. */
async function addAndDelete(
  side: CniSide,
  config: string,
  count: number,
  parallel: number,
): Promise<Samples> {
  const pods = freshPods(count)
  const startCpuMs = await side.host.cpuMs()
  const added = await callAll(side, 'ADD', pods, config, parallel)
  const middleCpuMs = await side.host.cpuMs()
  const deleted = await callAll(side, 'DEL', pods, config, parallel)
  const endCpuMs = await side.host.cpuMs()
  return {
    add: times(added.results),
    del: times(deleted.results),
    addCpu: [(middleCpuMs - startCpuMs) / count],
    delCpu: [(endCpuMs - middleCpuMs) / count],
  }
}

/** Both sides in turns; each kind of measurement becomes one list a side. */
async function measure(
  sides: Sides,
  rounds: number,
  sample: (side: CniSide) => Promise<Samples>,
): Promise<{ readonly ours: Samples; readonly peer: Samples }> {
  const all = { ours: emptySamples(), peer: emptySamples() }
  const collect = (label: 'ours' | 'peer') => async () => {
    const samples = await sample(sides[label])
    for (const key of ['add', 'del', 'addCpu', 'delCpu'] as const) all[label][key].push(...samples[key])
    return samples.add
  }
  await interleave(rounds, collect('ours'), collect('peer'))
  return all
}

const emptySamples = (): Samples => ({ add: [], del: [], addCpu: [], delCpu: [] })

interface Burst {
  readonly add: number[]
  readonly del: number[]
}

/** All pods of a node at once, as after a reboot and at a drain: how long until the last one is done. */
async function burst(side: CniSide): Promise<Burst> {
  const pods = freshPods(PODS)
  const added = await callAll(side, 'ADD', pods, PLAIN, PODS)
  const deleted = await callAll(side, 'DEL', pods, PLAIN, PODS)
  return { add: [added.totalMs], del: [deleted.totalMs] }
}

async function measureBursts(sides: Sides, rounds: number): Promise<{ ours: Burst; peer: Burst }> {
  const all = { ours: { add: [], del: [] } as Burst, peer: { add: [], del: [] } as Burst }
  const collect = (label: 'ours' | 'peer') => async () => {
    const { add, del } = await burst(sides[label])
    all[label].add.push(...add)
    all[label].del.push(...del)
    return add
  }
  await interleave(rounds, collect('ours'), collect('peer'))
  return all
}

/** What starting any process costs from here; it is part of both sides' times. */
async function spawnFloor(side: CniSide, count: number): Promise<number[]> {
  const call = { argv: ['/bin/true'], env: {}, stdin: PLAIN }
  const { results } = await side.host.calls(
    Array.from({ length: count }, () => call),
    1,
  )
  return times(results)
}

async function measureAll(sides: Sides, plan: Plan, context: BenchContext): Promise<Row[]> {
  const step = async <T>(what: string, work: () => Promise<T>): Promise<T> => {
    context.signal.throwIfAborted()
    context.note(`  ${what}`)
    try {
      return await work()
    } finally {
      context.signal.throwIfAborted() // Ctrl-C ends the plugins too; that is the reason to tell, not their failure
    }
  }
  const { rounds, perRound, bursts } = plan
  await step('comparing the work', async () => {
    await compareWork(sides, PLAIN, 'cni0', '10.88.0.1')
    await compareWork(sides, MASQUERADE, 'cni1', '10.89.0.1')
  })
  const cold = await step('the first calls of an agent, and warming up', async () => {
    const first = await measure(sides, 1, side => addAndDelete(side, PLAIN, COLD_CALLS, 1))
    // An agent runs for weeks; what it costs before V8 has compiled it has a row of its own.
    for (let calls = COLD_CALLS; calls < plan.warmUp; calls += PODS)
      await addAndDelete(sides.ours, PLAIN, PODS, 1)
    return first
  })
  const one = await step('one at a time', () =>
    measure(sides, rounds, side => addAndDelete(side, PLAIN, perRound, 1)),
  )
  const eight = await step('eight at a time', () =>
    measure(sides, rounds, side => addAndDelete(side, PLAIN, perRound + 4, 8)),
  )
  const masquerade = await step('with ipMasq', () =>
    measure(sides, Math.ceil(rounds / 2), side => addAndDelete(side, MASQUERADE, perRound, 1)),
  )
  const bursting = await step(`${PODS} at once`, () => measureBursts(sides, bursts))
  const floor = await step('the floor', () => spawnFloor(sides.ours, perRound * 2))
  for (const [label, values] of [['ours', one.ours.add] as const, ['peer', one.peer.add] as const]) {
    context.note(
      `  ${label}: half of the ADDs lie within ${Math.round(spread(values) * 100)} % of each other`,
    )
  }
  const ms = { unit: 'ms', better: 'lower' } as const
  return [
    toRow({ name: 'add', ...ms, ours: one.ours.add, peer: one.peer.add }),
    toRow({ name: 'add-cold', ...ms, ours: cold.ours.add, peer: cold.peer.add }),
    toRow({ name: 'add-8way', ...ms, ours: eight.ours.add, peer: eight.peer.add }),
    toRow({ name: 'add-ipmasq', ...ms, ours: masquerade.ours.add, peer: masquerade.peer.add }),
    toRow({ name: 'del', ...ms, ours: one.ours.del, peer: one.peer.del }),
    toRow({ name: 'burst-50', ...ms, ours: bursting.ours.add, peer: bursting.peer.add }),
    toRow({ name: 'burst-50-del', ...ms, ours: bursting.ours.del, peer: bursting.peer.del }),
    toRow({ name: 'add-cpu', ...ms, ours: one.ours.addCpu, peer: one.peer.addCpu }),
    toRow({ name: 'del-cpu', ...ms, ours: one.ours.delCpu, peer: one.peer.delCpu }),
    toRow({ name: 'spawn-floor', ...ms, ours: floor }),
  ]
}

export const bench: Bench = {
  what: "CNI ADD and DEL: our shim and agent against Debian's Go bridge + host-local",
  async run(context) {
    await using peer = disposable(await createPeer(PODS))
    await using ours = disposable(await createOurs(PODS))
    return await measureAll({ ours: ours.side, peer: peer.side }, context.quick ? QUICK : FULL, context)
  },
}

function disposable(side: CniSide): AsyncDisposable & { readonly side: CniSide } {
  return { side, [Symbol.asyncDispose]: () => side.host[Symbol.asyncDispose]() }
}
