/**
 * ADD and DEL of a pod, through our shim and agent, against Debian's Go plugins `bridge` and `host-local`, and against a
 * floor: our shim, and behind it a C program that does the least that an agent can. All run in fake hosts, in turns, with
 * the same configuration; what they made is compared after every ADD.
 */
import { interleave, type Row, spread, toRow } from './stats.ts'
import type { Bench, BenchContext } from './support/bench.ts'
import { type Round, type RoundOptions, Rounds } from './support/cni-rounds.ts'
import { type CniSide, cniNetwork, createOurs, createPeer } from './support/cni-side.ts'
import { EqualWork } from './support/cni-state.ts'
import { createFloor } from './support/floor-side.ts'

interface Plan {
  /** Namespaces on each side: how many are attached at once in a burst. */
  readonly pods: number
  readonly rounds: number
  readonly perRound: number
  readonly bursts: number
  /** Rounds of all pods to our agent before those that count as warm. */
  readonly warmUp: number
}

const FULL: Plan = { pods: 50, rounds: 6, perRound: 20, bursts: 5, warmUp: 6 }
const QUICK: Plan = { pods: 10, rounds: 1, perRound: 4, bursts: 1, warmUp: 0 }

/** The first calls after an agent's start, one after the other, count as cold. */
const COLD_CALLS = 20

interface Sides {
  readonly ours: CniSide
  readonly peer: CniSide
  readonly floor: CniSide
}

/** What starting any process costs from here; it is part of every side's times. */
async function spawnCost(side: CniSide, count: number): Promise<number[]> {
  const call = { argv: ['/bin/true'], env: {}, stdin: '' }
  const { results } = await side.host.calls(
    Array.from({ length: count }, () => call),
    1,
  )
  return results.map(result => result.ms)
}

/** Announces a step and takes its rounds, the sides in turns. */
type Take = (
  what: string,
  sides: readonly CniSide[],
  rounds: number,
  options: RoundOptions,
) => Promise<(side: CniSide) => readonly Round[]>

async function measureAll(sides: Sides, plan: Plan, context: BenchContext): Promise<Row[]> {
  const { ours, peer, floor } = sides
  const rounds = new Rounds()
  const take: Take = (what, sides, count, options) => {
    context.note(`  ${what}`)
    return interleave(count, sides, side => {
      context.signal.throwIfAborted()
      return rounds.run(side, options)
    })
  }
  const plain = { network: cniNetwork({ ipMasq: false }), work: new EqualWork(), parallel: 1 }
  const masquerade = { network: cniNetwork({ ipMasq: true }), work: new EqualWork(), parallel: 1 }
  const { pods, perRound, rounds: count } = plan
  await take('comparing the work', [ours, peer, floor], 1, { ...plain, pods: 1 })
  await take('comparing it with ipMasq', [ours, peer], 1, { ...masquerade, pods: 1 })
  const coldPods = Math.min(COLD_CALLS, pods)
  const cold = await take('the first calls of an agent', [ours, peer], 1, { ...plain, pods: coldPods })
  // An agent runs for weeks; what it costs before V8 has compiled it has a row of its own.
  await take('warming it up', [ours], plan.warmUp, { ...plain, pods })
  const all = [ours, peer, floor]
  const one = await take('one at a time', all, count, { ...plain, pods: perRound })
  const eight = { ...plain, pods: perRound + 4, parallel: 8 }
  const eightWay = await take('eight at a time', [ours, peer], count, eight)
  const half = Math.ceil(count / 2)
  const ipMasq = await take('with ipMasq', [ours, peer], half, { ...masquerade, pods: perRound })
  const burst = await take(`${pods} at once`, [ours, peer], plan.bursts, { ...plain, pods, parallel: pods })
  for (const side of all) {
    const share = Math.round(spread(each('add')(one(side))) * 100)
    context.note(`  ${side.label}: half of the ADDs lie within ${share} % of each other`)
  }
  const spawn = await spawnCost(ours, perRound * 2)
  return rowsOf(sides, { cold, one, eightWay, ipMasq, burst }, spawn)
}

type Taken = Awaited<ReturnType<Take>>

function rowsOf(
  { ours, peer, floor }: Sides,
  taken: Readonly<Record<'cold' | 'one' | 'eightWay' | 'ipMasq' | 'burst', Taken>>,
  spawn: readonly number[],
): Row[] {
  const row = (name: string, rounds: Taken, values: Values, other = peer) =>
    toRow({ name, unit: 'ms', better: 'lower', ours: values(rounds(ours)), peer: values(rounds(other)) })
  return [
    row('add', taken.one, each('add')),
    row('add-8way', taken.eightWay, each('add')),
    row('add-ipmasq', taken.ipMasq, each('add')),
    row('del', taken.one, each('del')),
    row('burst-50', taken.burst, total('addTotal')),
    row('add-vs-floor', taken.one, each('add'), floor),
    row('add-cold', taken.cold, each('add')),
    row('burst-50-del', taken.burst, total('delTotal')),
    row('add-cpu', taken.one, total('addCpu')),
    row('del-cpu', taken.one, total('delCpu')),
    toRow({ name: 'spawn-floor', unit: 'ms', better: 'lower', ours: spawn }),
  ]
}

type Values = (rounds: readonly Round[]) => number[]

/** One value for each call. */
const each =
  (key: 'add' | 'del'): Values =>
  rounds =>
    rounds.flatMap(round => round[key])

/** One value for each round. */
const total =
  (key: 'addTotal' | 'delTotal' | 'addCpu' | 'delCpu'): Values =>
  rounds =>
    rounds.map(round => round[key])

export const bench: Bench = {
  what: "CNI ADD and DEL: our shim and agent against Debian's Go bridge + host-local, and against a floor in C",
  async run(context) {
    const plan = context.quick ? QUICK : FULL
    await using peer = disposable(await createPeer(plan.pods))
    await using ours = disposable(await createOurs(plan.pods))
    await using floor = disposable(await createFloor(plan.pods))
    return await measureAll({ ours: ours.side, peer: peer.side, floor: floor.side }, plan, context)
  },
}

function disposable(side: CniSide): AsyncDisposable & { readonly side: CniSide } {
  return { side, [Symbol.asyncDispose]: () => side.host[Symbol.asyncDispose]() }
}
