/** What is measured of our side alone. */
import { interleave } from '../stats.ts'
import { statusCall } from './cni-call.ts'
import { NETWORKS } from './cni-network.ts'
import { type Round, type Rounds, timed } from './cni-rounds.ts'
import type { CniSide, OurSide } from './cni-side.ts'
import { fillLeases } from './fill-leases.ts'
import type { Call } from './host-worker.ts'
import { residentMegabytes } from './resident-memory.ts'

/** Milliseconds that starting any process takes from here; they are part of every side's times. */
export function spawnCost(side: CniSide, count: number): Promise<number[]> {
  return oneByOne(side, '/bin/true', count, { argv: ['/bin/true'], env: {}, stdin: '' })
}

/** Milliseconds of our shim, with an agent that is asked for nothing but an answer. */
export function relayCost(side: CniSide, count: number): Promise<number[]> {
  return oneByOne(side, 'STATUS', count, statusCall(side, NETWORKS.plain))
}

async function oneByOne(side: CniSide, what: string, count: number, call: Call): Promise<number[]> {
  const calls = Array.from({ length: count }, () => call)
  return (await timed(side, what, calls, 1)).results.map(({ ms }) => ms)
}

/**
 * Rounds in a network of which so many addresses are taken, in turns with rounds in one of which none is. The agent has
 * read the leases before: it reads them once.
 */
export async function compareLeases(
  rounds: Rounds,
  side: CniSide,
  options: { readonly leases: number; readonly rounds: number; readonly pods: number },
): Promise<{ readonly full: readonly Round[]; readonly empty: readonly Round[] }> {
  await fillLeases(side, NETWORKS.full, options.leases)
  const networks = [NETWORKS.full, NETWORKS.plain]
  const take = (pods: number) => (network: (typeof networks)[number]) =>
    rounds.run(side, { network, pods, parallel: 1 })
  await interleave(1, networks, take(1))
  const taken = await interleave(options.rounds, networks, take(options.pods))
  return { full: taken(NETWORKS.full), empty: taken(NETWORKS.plain) }
}

/** Resident memory of our agent, in megabytes, while so many pods are attached. */
export async function memoryOf(rounds: Rounds, side: OurSide, pods: number): Promise<number> {
  let megabytes = 0
  const whileAttached = async (): Promise<void> => {
    megabytes = await residentMegabytes(side.host, side.agentPid)
  }
  await rounds.run(side, { network: NETWORKS.plain, pods, parallel: 8, whileAttached })
  return megabytes
}
