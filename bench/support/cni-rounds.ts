/** Rounds of ADDs and DELs: the calls are timed, what came of them is held against the others' work, nothing stays. */
import { addCall, delCall } from './cni-call.ts'
import type { CniNetwork, Pod } from './cni-network.ts'
import { hostInterface } from './cni-result.ts'
import type { CniSide } from './cni-side.ts'
import { checkGone, EqualWork, readStates } from './cni-state.ts'
import type { Call, CallResult, TaskResults } from './host-worker.ts'
import { inTime } from './in-time.ts'

export interface Round {
  /** Milliseconds of each call. */
  readonly add: readonly number[]
  readonly del: readonly number[]
  /** Until the last call was done. */
  readonly addTotal: number
  readonly delTotal: number
  /** CPU milliseconds per call: everything that was started, and the agent. */
  readonly addCpu: number
  readonly delCpu: number
}

export interface RoundOptions {
  readonly network: CniNetwork
  readonly pods: number
  /** Calls under way at any time. */
  readonly parallel: number
  /** Called when all pods are there and have been looked at. */
  readonly whileAttached?: () => Promise<void>
}

/** Ports of the host that lead to pods begin here: below those that Linux gives to connections. */
const FIRST_HOST_PORT = 20_000

/** Makes rounds; every attachment gets a container id that was never used. */
export class Rounds {
  private attachments = 0
  private readonly work = new EqualWork()

  /** ADD for each pod; a look at what each has become; DEL for each, which ends when the pod's link is gone. */
  async run(side: CniSide, options: RoundOptions): Promise<Round> {
    const { network, pods: count, parallel } = options
    const pods = Array.from({ length: count }, (_, index) => this.pod(index))
    const additions = pods.map(pod => addCall(side, network, pod))
    const added = await timed(side, 'ADD', additions, parallel)
    await inTime(async () => {
      for (const state of await readStates(side, network, pods, added.results))
        this.work.check(side, network, state)
    })
    await options.whileAttached?.()
    const deletions = pods.map((pod, index) => {
      const result = added.results[index]?.stdout ?? ''
      return { ...delCall(side, network, pod, result), untilGone: hostInterface(result) }
    })
    const deleted = await timed(side, 'DEL', deletions, parallel)
    await checkGone(side, network, pods)
    return {
      add: times(added.results),
      del: times(deleted.results),
      addTotal: added.totalMs,
      delTotal: deleted.totalMs,
      addCpu: added.cpuMs / count,
      delCpu: deleted.cpuMs / count,
    }
  }

  private pod(index: number): Pod {
    this.attachments += 1
    return {
      containerId: `bench-${this.attachments}`,
      netns: `/run/netns/pod-${index}`,
      hostPort: FIRST_HOST_PORT + index,
    }
  }
}

/** The calls and the CPU they took; one failure is the end of the benchmark. */
export async function timed(
  side: CniSide,
  what: string,
  calls: readonly Call[],
  parallel: number,
): Promise<TaskResults['calls'] & { readonly cpuMs: number }> {
  const before = await side.host.cpuMs()
  const done = await side.host.calls(calls, parallel)
  const cpuMs = (await side.host.cpuMs()) - before
  const failed = done.results.find(result => result.exitCode !== 0)
  if (failed === undefined) return { ...done, cpuMs }
  throw new Error(`${side.label}: ${what} ended with ${failed.exitCode}: ${failed.stdout}${failed.stderr}`)
}

const times = (results: readonly CallResult[]): number[] => results.map(result => result.ms)
