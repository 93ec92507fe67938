/**
 * ADD and DEL of a pod, through our shim and agent, against Debian's Go plugins, and against a floor: our shim, and
 * behind it a C program that does the least that an agent can. All run in fake hosts, in turns, with the same
 * configuration; what they made is compared after every ADD.
 */
import { interleave, type Row, spread, toRow } from './stats.ts'
import type { Bench, BenchContext } from './support/bench.ts'
import { type CniNetwork, NETWORKS } from './support/cni-network.ts'
import { compareLeases, memoryOf, relayCost, spawnCost } from './support/cni-ours.ts'
import { type Round, Rounds } from './support/cni-rounds.ts'
import { type CniSide, createOurs, createPeer, type OurSide } from './support/cni-side.ts'
import { createFloor } from './support/floor-side.ts'
import { buildProgram } from './support/programs.ts'

interface Plan {
  /** Attached at once in a burst. */
  readonly pods: number
  readonly rounds: number
  readonly perRound: number
  readonly bursts: number
  /** Rounds of all pods to our agent, for each network, before those that count as warm. */
  readonly warmUp: number
  /** As many as kubelet allows on a node, and how often they come at once. */
  readonly node: { readonly pods: number; readonly bursts: number }
  /** Addresses that are taken in one network. */
  readonly leases: number
  /** Of the agent whose memory is looked at. */
  readonly attachments: number
}

const FULL: Plan = {
  pods: 50,
  rounds: 6,
  perRound: 20,
  bursts: 5,
  warmUp: 6,
  node: { pods: 110, bursts: 3 },
  leases: 8000,
  attachments: 250,
}
const QUICK: Plan = {
  pods: 10,
  rounds: 1,
  perRound: 4,
  bursts: 1,
  warmUp: 0,
  node: { pods: 12, bursts: 1 },
  leases: 500,
  attachments: 14,
}

/** The first calls after an agent's start, one after the other, count as cold. */
const COLD_CALLS = 20

interface Sides {
  readonly ours: OurSide
  readonly peer: CniSide
  readonly floor: CniSide
}

interface Step {
  readonly sides: readonly CniSide[]
  readonly network: CniNetwork
  readonly pods: number
  readonly parallel?: number
}

/** What a side took in the rounds of a step. */
type Taken = (side: CniSide) => readonly Round[]

/** Announces a step and takes its rounds, the sides in turns. */
type Take = (what: string, rounds: number, step: Step) => Promise<Taken>

async function measureAll(sides: Sides, plan: Plan, context: BenchContext): Promise<Row[]> {
  const { ours } = sides
  const rounds = new Rounds()
  const note = (what: string): void => {
    context.signal.throwIfAborted()
    context.note(`  ${what}`)
  }
  const take: Take = (what, count, { sides: turns, network, pods, parallel = 1 }) => {
    note(what)
    return interleave(count, turns, side => {
      context.signal.throwIfAborted()
      return rounds.run(side, { network, pods, parallel })
    })
  }
  const taken = await takeAll(sides, plan, take)
  for (const side of [ours, sides.peer, sides.floor]) {
    const share = Math.round(spread(each('add')(taken.one(side))) * 100)
    context.note(`  ${side.label}: half of the ADDs lie within ${share} % of each other`)
  }
  // Before the leases, which the agent keeps in memory: the row speaks of attachments.
  note(`${plan.attachments} attachments`)
  const memory = await memoryOf(rounds, ours, plan.attachments)
  note(`${plan.leases} leases`)
  const leases = await compareLeases(rounds, ours, {
    leases: plan.leases,
    // Two times that hardly differ take many to be told apart.
    rounds: plan.rounds * 2,
    pods: plan.perRound,
  })
  note('the shim alone')
  const relay = await relayCost(ours, plan.perRound * 2)
  const spawn = await spawnCost(ours, plan.perRound * 2)
  return [
    ...firstRows(sides, taken),
    toRow({
      ...MS,
      name: 'add-8000-leases',
      ours: each('add')(leases.full),
      peer: each('add')(leases.empty),
    }),
    toRow({ ...MS, name: 'shim-relay', ours: relay }),
    toRow({ name: 'rss', unit: 'MB', better: 'lower', ours: [memory] }),
    ...moreRows(sides, taken),
    toRow({ ...MS, name: 'spawn-floor', ours: spawn }),
  ]
}

type Steps = Readonly<Record<'cold' | 'one' | 'eightWay' | 'ipMasq' | 'burst' | 'chain' | 'node', Taken>>

async function takeAll({ ours, peer, floor }: Sides, plan: Plan, take: Take): Promise<Steps> {
  const { pods, perRound, rounds, node } = plan
  const { plain, ipMasq, chain } = NETWORKS
  const all = [ours, peer, floor]
  const both = [ours, peer]
  await take('comparing the work', 1, { sides: all, network: plain, pods: 1 })
  await take('comparing it with ipMasq', 1, { sides: both, network: ipMasq, pods: 1 })
  await take('comparing it of a chain', 1, { sides: both, network: chain, pods: 1 })
  const coldPods = Math.min(COLD_CALLS, pods)
  const cold = await take('the first calls of an agent', 1, { sides: both, network: plain, pods: coldPods })
  // An agent runs for weeks; what it costs before V8 has compiled it has a row of its own.
  for (const network of [plain, ipMasq, chain])
    await take(`warming it up: ${network.name}`, plan.warmUp, { sides: [ours], network, pods })
  const one = await take('one at a time', rounds, { sides: all, network: plain, pods: perRound })
  const eight = { sides: both, network: plain, pods: perRound + 4, parallel: 8 }
  const eightWay = await take('eight at a time', rounds, eight)
  const masquerade = await take('with ipMasq', rounds, { sides: both, network: ipMasq, pods: perRound })
  const chained = await take('chains', rounds, { sides: both, network: chain, pods: perRound })
  const atOnce = { sides: both, network: plain, pods, parallel: pods }
  const burst = await take(`${pods} at once`, plan.bursts, atOnce)
  const whole = { sides: both, network: ipMasq, pods: node.pods, parallel: node.pods }
  const full = await take(`${node.pods} with ipMasq at once`, node.bursts, whole)
  return { cold, one, eightWay, ipMasq: masquerade, chain: chained, burst, node: full }
}

const MS = { unit: 'ms', better: 'lower' } as const

type Values = (rounds: readonly Round[]) => number[]

function rowOf({ ours, peer }: Sides, name: string, taken: Taken, values: Values, other = peer): Row {
  return toRow({ ...MS, name, ours: values(taken(ours)), peer: values(taken(other)) })
}

function firstRows(sides: Sides, taken: Steps): Row[] {
  return [
    rowOf(sides, 'add', taken.one, each('add')),
    rowOf(sides, 'add-8way', taken.eightWay, each('add')),
    rowOf(sides, 'add-ipmasq', taken.ipMasq, each('add')),
    rowOf(sides, 'del', taken.one, each('del')),
    rowOf(sides, 'burst-50', taken.burst, total('addTotal')),
    rowOf(sides, 'add-vs-floor', taken.one, each('add'), sides.floor),
    rowOf(sides, 'del-ipmasq', taken.ipMasq, each('del')),
    rowOf(sides, 'add-portmap-bandwidth', taken.chain, each('add')),
    rowOf(sides, 'burst-110', taken.node, total('addTotal')),
  ]
}

function moreRows(sides: Sides, taken: Steps): Row[] {
  return [
    rowOf(sides, 'add-cold', taken.cold, each('add')),
    rowOf(sides, 'del-vs-floor', taken.one, each('del'), sides.floor),
    rowOf(sides, 'burst-50-del', taken.burst, total('delTotal')),
    rowOf(sides, 'add-cpu', taken.one, total('addCpu')),
    rowOf(sides, 'del-cpu', taken.one, total('delCpu')),
  ]
}

/** One value for each call. */
function each(key: 'add' | 'del'): Values {
  return rounds => rounds.flatMap(round => round[key])
}

/** One value for each round. */
function total(key: 'addTotal' | 'delTotal' | 'addCpu' | 'delCpu'): Values {
  return rounds => rounds.map(round => round[key])
}

export const bench: Bench = {
  what: "CNI ADD and DEL: our shim and agent against Debian's Go plugins, and against a floor in C",
  async run(context) {
    const plan = context.quick ? QUICK : FULL
    const pods = Math.max(plan.pods, plan.node.pods)
    buildProgram('round-trip')
    await using peer = disposable(await createPeer(pods))
    await using ours = disposable(await createOurs(Math.max(pods, plan.attachments)))
    await using floor = disposable(await createFloor(plan.pods))
    return await measureAll({ ours: ours.side, peer: peer.side, floor: floor.side }, plan, context)
  },
}

function disposable<S extends CniSide>(side: S): AsyncDisposable & { readonly side: S } {
  return { side, [Symbol.asyncDispose]: () => side.host[Symbol.asyncDispose]() }
}
