import { native } from './native.ts'

/**
 * malloc_trim(3): gives back to the kernel what was freed and is only kept for later, by whichever thread. It takes
 * about half a millisecond where there are some megabytes.
 */
export function trimMemory(): void {
  native.memoryTrim()
}
