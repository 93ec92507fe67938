import type { LabPod } from './state.ts'

/** What a runtime knows of a pod that runs; see {@link LabPod}. */
export type StartedPod = Pick<LabPod, 'containerId' | 'netns' | 'addresses' | 'process'>

/** Who runs the pods of one node: makes their namespaces and has the CNI plugins attach them. */
export interface PodRuntime {
  /** Starts a pod with `lo` and `eth0`. If that fails, nothing is left of it. */
  start(name: string): Promise<StartedPod>
  /** Detaches a pod and removes it. */
  stop(pod: LabPod): Promise<void>
  /** The words that, put before a command, run it in the pod. @throws LabError `lab.ended` */
  enter(pod: LabPod): string[]
}
