/**
 * TCP between pods on two nodes, over entries that our agents made and over the same entries made by hand. Both pairs of
 * nodes are namespaces on one underlay; what their kernels hold is compared before anything is timed, and again after.
 */
import { interleave, type Row, toRow } from './stats.ts'
import type { Bench, BenchContext } from './support/bench.ts'
import { makeByHand } from './support/overlay-by-hand.ts'
import { type Backend, makeOurs, makeUnderlay } from './support/overlay-hosts.ts'
import { checkSameEntries } from './support/overlay-state.ts'
import { measure, serve, type Traffic } from './support/overlay-traffic.ts'
import { buildProgram } from './support/programs.ts'

interface Plan {
  /** How often both pairs are made anew: which CPU serves which queue is decided then, and would favour one of them. */
  readonly pairs: number
  /** With each. */
  readonly rounds: number
  readonly megabytes: number
  readonly requests: number
}

const FULL: Plan = { pairs: 3, rounds: 26, megabytes: 100, requests: 1000 }
const QUICK: Plan = { pairs: 1, rounds: 3, megabytes: 50, requests: 500 }

interface Taken {
  readonly ours: readonly Traffic[]
  readonly byHand: readonly Traffic[]
}

/** @param oursFirst whose nodes are made first */
async function measurePairs(
  backend: Backend,
  plan: Plan,
  oursFirst: boolean,
  signal: AbortSignal,
): Promise<Taken> {
  await using stack = new AsyncDisposableStack()
  const underlay = await makeUnderlay(stack)
  const earlyByHand = oursFirst ? undefined : await makeByHand(stack, underlay, backend)
  const ours = await makeOurs(stack, underlay, backend)
  const byHand = earlyByHand ?? (await makeByHand(stack, underlay, backend))
  for (const pair of [ours, byHand]) {
    await serve(pair)
    await measure(pair, QUICK)
  }
  await checkSameEntries(ours, byHand)
  const taken = await interleave(plan.rounds, [ours, byHand], pair => {
    signal.throwIfAborted()
    return measure(pair, plan)
  })
  await checkSameEntries(ours, byHand)
  return { ours: taken(ours), byHand: taken(byHand) }
}

async function measureBackend(backend: Backend, plan: Plan, context: BenchContext): Promise<Row[]> {
  const all: Taken[] = []
  for (let n = 0; n < plan.pairs; n += 1) {
    context.signal.throwIfAborted()
    context.note(
      `  ${backend}: two nodes of ours and two by hand, their entries compared, ${plan.rounds} rounds`,
    )
    all.push(await measurePairs(backend, plan, n % 2 === 0, context.signal))
  }
  const row = (
    name: string,
    unit: string,
    better: 'lower' | 'higher',
    value: (traffic: Traffic) => number,
  ) => {
    const ours = all.flatMap(taken => taken.ours).map(value)
    const peer = all.flatMap(taken => taken.byHand).map(value)
    return toRow({ name: `${backend}-${name}`, unit, better, ours, peer, random: Math.random })
  }
  return [
    row('tcp', 'Gbit/s', 'higher', traffic => traffic.bitsPerSecond / 1e9),
    row('rtt', 'us', 'lower', traffic => traffic.roundTripUs),
  ]
}

export const bench: Bench = {
  what: 'TCP between pods on two nodes: entries made by our agents against the same made by hand',
  async run(context) {
    buildProgram('round-trip')
    const plan = context.quick ? QUICK : FULL
    return [
      ...(await measureBackend('vxlan', plan, context)),
      ...(await measureBackend('host-gw', plan, context)),
    ]
  },
}
