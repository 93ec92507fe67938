import { type Clock, sleep } from '../base/index.ts'
import type { ProbeOutcome } from './channel.ts'

/** Somebody who can probe and be probed. */
export interface Endpoint {
  readonly name: string
  readonly address: string
}

export type Protocol = 'icmp' | 'tcp' | 'udp'

export interface MatrixCell {
  readonly from: string
  readonly to: string
  readonly protocol: Protocol
  readonly outcome: ProbeOutcome
}

export interface MatrixOptions {
  readonly clock: Clock
  readonly protocols: readonly Protocol[]
  readonly probe: (from: Endpoint, to: Endpoint, protocol: Protocol) => Promise<ProbeOutcome>
  /** Probes per cell that count; the best is reported, so that the first one's neighbour resolution is not. */
  readonly samples: number
  /** Failures forgiven per cell. */
  readonly retries: number
}

/** A probe that takes longer than this no longer holds up the next one. */
const PACE_MS = 20
const MOST_AT_ONCE = 256

/**
 * Probes every ordered pair, self included, with every protocol. One probe at a time as long as answers come
 * quickly, so that round-trip times are not each other's waiting time; silent pairs overlap.
 */
export async function probeMatrix(
  endpoints: readonly Endpoint[],
  options: MatrixOptions,
): Promise<MatrixCell[]> {
  const cells: MatrixCell[] = []
  const open = new Set<Promise<void>>()
  for (const protocol of options.protocols) {
    for (const from of endpoints) {
      for (const to of endpoints) {
        const index = cells.length
        cells.push({ from: from.name, to: to.name, protocol, outcome: { ok: false, reason: 'not probed' } })
        const cell = probeCell(from, to, protocol, options).then(outcome => {
          cells[index] = { from: from.name, to: to.name, protocol, outcome }
          open.delete(cell)
        })
        open.add(cell)
        await Promise.race([cell, sleep(options.clock, PACE_MS)])
        if (open.size >= MOST_AT_ONCE) await Promise.race(open)
      }
    }
  }
  await Promise.all(open)
  return cells
}

async function probeCell(
  from: Endpoint,
  to: Endpoint,
  protocol: Protocol,
  options: MatrixOptions,
): Promise<ProbeOutcome> {
  let best: ProbeOutcome | undefined
  let failures = 0
  for (let good = 0; good < options.samples; ) {
    const outcome = await options.probe(from, to, protocol)
    if (outcome.ok) {
      good += 1
      if (best === undefined || !best.ok || outcome.rttMs < best.rttMs) best = outcome
    } else {
      failures += 1
      if (failures > options.retries) return outcome
    }
  }
  return best ?? { ok: false, reason: 'not probed' }
}
