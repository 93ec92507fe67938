import { type CheckReport, labCheck } from '../check.ts'
import { formatRtt } from './format.ts'
import { type DemoStep, labOf } from './step.ts'

export const reachability: DemoStep = {
  name: 'reachability',
  title: 'reachability, every pod to every pod',
  async run(context) {
    const report = await labCheck(labOf(context))
    const { icmp } = report
    const figures =
      icmp === undefined ? {} : { figures: `p50 ${formatRtt(icmp.p50Ms)}   p99 ${formatRtt(icmp.p99Ms)}` }
    return {
      ok: report.ok,
      headline: `reachability ${reached(report)} pairs (ICMP, TCP)`,
      ...figures,
      details: failureLines(report),
    }
  },
}

/** `36/36` */
export function reached(report: CheckReport): string {
  const good = report.pairs.filter(pair => pair.failures.length === 0).length
  return `${good}/${report.pairs.length}`
}

/** What failed, in words; at most ten lines. */
export function failureLines(report: CheckReport): string[] {
  const lines = report.pairs.flatMap(pair =>
    pair.failures.map(({ protocol, reason }) => `${pair.from} to ${pair.to}, ${protocol}: ${reason}`),
  )
  return lines.length <= 10 ? lines : [...lines.slice(0, 10), `and ${lines.length - 10} more`]
}
