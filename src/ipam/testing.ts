import assert from 'node:assert/strict'
import fs, { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { type Aside, type ManualClock, NOTHING_ASIDE, systemClock } from '../base/index.ts'
import {
  type AddressRange,
  type Allocated,
  type Allocation,
  HostLocalAllocator,
  HostLocalStore,
} from './index.ts'

/** Leases in directories that go with the test. */

const made: string[] = []
after(() => {
  for (const directory of made) rmSync(directory, { recursive: true, force: true })
})

export function freshDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'podlace-ipam-'))
  made.push(directory)
  return directory
}

export const pod = (containerId: string) => ({ containerId, ifName: 'eth0' })

/** For `use`: what was taken, as it is. */
export const taken = (allocations: readonly Allocation[]): readonly Allocation[] => allocations

/** The lock is always free. */
export const free = (): boolean => true

/** Makes a file before it returns, so that a test can watch each step. */
export function createAtOnce(path: string, content: string): Aside {
  try {
    const fd = fs.openSync(path, 'wx', 0o600)
    fs.writeSync(fd, content)
    fs.closeSync(fd)
    return NOTHING_ASIDE
  } catch (error) {
    return { isDone: () => false, done: Promise.reject(error) }
  }
}

/** What came of the addresses, when they are on disk. */
export async function whenKept<T>(allocating: Promise<Allocated<T>>): Promise<T> {
  const { result, kept } = await allocating
  await kept.done
  return result
}

interface Options {
  readonly subnet?: string
  readonly ranges?: readonly (readonly AddressRange[])[]
  readonly clock?: ManualClock
}

/** As a process opens network `net`. */
export function open(dataDir = freshDirectory(), options: Options = {}) {
  const prefix = options.subnet ?? '10.1.2.0/29'
  const rangeSets = options.ranges ?? [[{ prefix, gateway: prefix.replace(/\.0\/.*/, '.1') }]]
  const clock = options.clock ?? systemClock
  const store = new HostLocalStore({
    dataDir,
    network: 'net',
    flock: free,
    createFile: createAtOnce,
    clock,
    random: Math.random,
  })
  const allocator = new HostLocalAllocator({ store, rangeSets, clock })
  const path = (name: string) => join(dataDir, 'net', name)
  return { store, allocator, dataDir, path, names: () => readdirSync(join(dataDir, 'net')).sort() }
}

/** Takes an address of the first range set. */
export async function address(
  allocator: HostLocalAllocator,
  name: string,
  request: { addresses?: readonly string[]; sticky?: string } = {},
): Promise<string> {
  const [allocation] = await whenKept(allocator.allocate(pod(name), request, taken))
  assert.ok(allocation)
  return allocation.address
}

/**
 * Calls `before` with the name of each synchronous operation on files that `task` begins; what it throws, the operation
 * throws. Operations stand for one to five system calls each.
 */
export async function watchingFiles<T>(
  before: (operation: string) => void,
  task: () => Promise<T>,
): Promise<T> {
  const restore: (() => void)[] = []
  for (const [name, original] of Object.entries(fs)) {
    if (!name.endsWith('Sync') || typeof original !== 'function') continue
    const watched = (...given: unknown[]): unknown => {
      before(name)
      return Reflect.apply(original, fs, given)
    }
    Reflect.set(fs, name, watched)
    restore.push(() => Reflect.set(fs, name, original))
  }
  syncBuiltinESMExports()
  try {
    return await task()
  } finally {
    for (const undo of restore) undo()
    syncBuiltinESMExports()
  }
}
