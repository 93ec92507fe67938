import { join } from 'node:path'
import { systemClock } from '../../src/base/index.ts'
import type { LabEnvironment } from '../../src/lab/index.ts'

/** What labs of a test are given; the built program runs in them. */
export function labEnvironment(root: string): LabEnvironment {
  return {
    root,
    packageRoot: join(import.meta.dirname, '..', '..'),
    nodeBinary: process.execPath,
    clock: systemClock,
    random: Math.random,
    signal: new AbortController().signal,
    progress: () => undefined,
  }
}
