import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import { ManualClock, systemClock } from '../../../src/base/index.ts'
import type { MeetingNode } from './meeting-node.ts'
import { addressOf, flannelBlock, flannelMac } from './names.ts'
import type { Place, PlaceOptions } from './place.ts'

export interface Case<P extends Place> {
  readonly what: string
  /** Whose time passes; the system's by default. */
  readonly clock?: 'manual'
  /** Whether the network has blocks of IPv6 too. */
  readonly isDual?: true
  readonly run: (place: P) => Promise<void>
}

/** Runs the cases, each at a place of its own. */
export function membershipSuite<P extends Place>(
  name: string,
  start: (options: PlaceOptions) => Promise<P>,
  cases: readonly Case<P>[],
): void {
  describe(`nodes that meet in ${name}`, () => {
    for (const { what, clock, isDual = false, run } of cases) {
      it(what, async () => {
        const options = { clock: clock === 'manual' ? new ManualClock() : systemClock, isDual }
        await using place = await start(options)
        await run(place)
      })
    }
  })
}

/** Nodes of ours 1 to `count`, which come at one moment, when all of them take part. */
export async function joined(place: Place, count: number): Promise<readonly MeetingNode[]> {
  const numbers = Array.from({ length: count }, (_, index) => index + 1)
  const nodes = await Promise.all(numbers.map(n => place.join(n)))
  await until(place, 'all are ready', () => nodes.every(node => node.isReady))
  return nodes
}

/** Waits until each of these nodes leads to all others of them and to nodes of flannel, and to nobody else. */
export async function settled(
  place: Place,
  ours: readonly MeetingNode[],
  { flannels = [], vni = 1 }: { readonly flannels?: readonly number[]; readonly vni?: number } = {},
): Promise<void> {
  // Asked again each time: a node may be about to get another block.
  const expected = (node: MeetingNode): Record<string, string> => {
    const others = ours.filter(other => other !== node)
    const theirs = others.map(other => [other.block, other.way(vni)] as const)
    return Object.fromEntries([...theirs, ...flannels.map(n => [flannelBlock(n), flannelWay(n)] as const)])
  }
  const differing = () => ours.filter(node => !isDeepStrictEqual(node.ways(), expected(node)))
  await until(
    place,
    () =>
      `all lead where they should: ${JSON.stringify(differing().map(node => [node.ways(), expected(node)]))}`,
    () => ours.every(({ block }) => block !== '') && differing().length === 0,
  )
}

/** Waits until the node's kernel leads there, and nowhere else. */
export async function sees(
  place: Place,
  node: MeetingNode,
  ways: Readonly<Record<string, string>>,
): Promise<void> {
  await until(
    place,
    () => `${node.address} leads where it should: ${JSON.stringify([node.ways(), ways])}`,
    () => isDeepStrictEqual(node.ways(), ways),
  )
}

export function flannelWay(n: number, mac = flannelMac(n)): string {
  return `${addressOf(n)} ${mac} flannel.1`
}

/** Waits, and lets time pass where it does not by itself; fails after 30 seconds. */
export async function until(
  place: Place,
  what: string | (() => string),
  holds: () => boolean | Promise<boolean>,
): Promise<void> {
  const deadline = systemClock.nowMs() + 30_000
  while (!(await holds())) {
    const faults = place.nodes.flatMap(({ bench }) => bench.agent.notReady() ?? [])
    const text = typeof what === 'string' ? what : what()
    assert.ok(systemClock.nowMs() < deadline, `waited 30 s until ${text}; agents lack: ${faults.join('; ')}`)
    await place.pass(200)
    await sleep(10)
  }
}
