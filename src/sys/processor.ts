import { native } from './native.ts'

/**
 * sched_yield(2), for right after another thread or process was given something to do. Where the kernel wakes it on the
 * processor of whoever wakes it, as in many virtual machines, it would not begin before this process has to wait.
 */
export function yieldProcessor(): void {
  native.processorYield()
}
