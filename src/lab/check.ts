import type { MatrixCell, RttSummary } from '../probe/index.ts'
import { summarizeRtts } from '../probe/index.ts'
import type { Lab } from './lab.ts'

export interface PairReport {
  readonly from: string
  readonly to: string
  /** Absent if ICMP failed. */
  readonly icmpRttMs?: number
  /** Connect, send, echo. Absent if TCP failed. */
  readonly tcpRttMs?: number
  readonly failures: readonly { readonly protocol: string; readonly reason: string }[]
}

export interface CheckReport {
  readonly ok: boolean
  readonly pods: readonly string[]
  readonly pairs: readonly PairReport[]
  /** Over all ICMP round trips. */
  readonly icmp?: RttSummary
}

/** Probes every ordered pair of pods by ICMP and TCP from inside the pods. No pods is no failure. */
export async function labCheck(lab: Lab): Promise<CheckReport> {
  const pods = lab.state.pods.map(pod => pod.name)
  if (pods.length === 0) return { ok: true, pods, pairs: [] }
  const workload = await lab.workload()
  try {
    const request = { protocols: ['icmp', 'tcp'], samples: 2, retries: 2, timeoutMs: 1_000 } as const
    return checkReport(pods, await workload.matrix(request))
  } finally {
    workload.close()
  }
}

/** Cells by pair; a pair that was not probed at all (its pod is not served) has failed. */
export function checkReport(pods: readonly string[], cells: readonly MatrixCell[]): CheckReport {
  const byPair = new Map<string, MatrixCell[]>()
  for (const cell of cells) {
    const key = `${cell.from} ${cell.to}`
    byPair.set(key, [...(byPair.get(key) ?? []), cell])
  }
  const pairs = pods.flatMap(from => pods.map(to => pairReport(from, to, byPair.get(`${from} ${to}`) ?? [])))
  const rtts = pairs.flatMap(pair => (pair.icmpRttMs === undefined ? [] : [pair.icmpRttMs]))
  const icmp = summarizeRtts(rtts)
  const ok = pairs.every(pair => pair.failures.length === 0)
  return { ok, pods, pairs, ...(icmp === undefined ? {} : { icmp }) }
}

function pairReport(from: string, to: string, cells: readonly MatrixCell[]): PairReport {
  const failures = cells.flatMap(({ protocol, outcome }) =>
    outcome.ok ? [] : [{ protocol, reason: outcome.reason }],
  )
  if (cells.length === 0) failures.push({ protocol: 'icmp', reason: 'the workload does not serve the pod' })
  const rttOf = (protocol: string) => {
    const outcome = cells.find(cell => cell.protocol === protocol)?.outcome
    return outcome?.ok === true ? outcome.rttMs : undefined
  }
  const icmpRttMs = rttOf('icmp')
  const tcpRttMs = rttOf('tcp')
  return {
    from,
    to,
    ...(icmpRttMs === undefined ? {} : { icmpRttMs }),
    ...(tcpRttMs === undefined ? {} : { tcpRttMs }),
    failures,
  }
}
