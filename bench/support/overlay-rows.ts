/** Rows of one backend: pairs of nodes are made, compared, timed in turns, and compared again. */
import { interleave, type Row, toRow } from '../stats.ts'
import type { BenchContext } from './bench.ts'
import { makeByHand } from './overlay-by-hand.ts'
import { type Backend, makeOurs, makeUnderlay } from './overlay-hosts.ts'
import { checkSameEntries } from './overlay-state.ts'
import { measure, serve, type Traffic } from './overlay-traffic.ts'

export interface Plan {
  /** How often both pairs are made anew: which CPU serves which queue is decided then, and would favour one of them. */
  readonly pairs: number
  /** With each. */
  readonly rounds: number
  readonly megabytes: number
  readonly requests: number
}

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
    await measure(pair, plan)
  }
  await checkSameEntries(ours, byHand)
  const taken = await interleave(plan.rounds, [ours, byHand], pair => {
    signal.throwIfAborted()
    return measure(pair, plan)
  })
  await checkSameEntries(ours, byHand)
  return { ours: taken(ours), byHand: taken(byHand) }
}

/** @param suffix of the rows' names */
export async function measureBackend(
  backend: Backend,
  plan: Plan,
  context: Pick<BenchContext, 'note' | 'signal'>,
  suffix = '',
): Promise<Row[]> {
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
    return toRow({ name: `${backend}-${name}${suffix}`, unit, better, ours, peer, random: Math.random })
  }
  return [
    row('tcp', 'Gbit/s', 'higher', traffic => traffic.bitsPerSecond / 1e9),
    row('rtt', 'us', 'lower', traffic => traffic.roundTripUs),
  ]
}
