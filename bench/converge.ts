/**
 * What many peers cost: a route, a neighbour and an FDB entry each, on one vxlan link. The first apply is the
 * reconciler's, in a fresh process and a fresh namespace, against `ip -batch` and `bridge -batch` with the same entries;
 * what both made is compared. Everything else is measured at a whole agent, as users run it, that has these peers.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import process from 'node:process'
import { Netns } from '../src/sys/index.ts'
import { interleave, type Row, toRow } from './stats.ts'
import { AgentWithPeers } from './support/agent-with-peers.ts'
import type { Bench, BenchContext } from './support/bench.ts'
import { cpuTimeMs } from './support/cpu-time.ts'
import { batches, OVERLAY } from './support/many-peers.ts'

interface Plan {
  readonly peers: number
  readonly rounds: number
  /** Repeats of everything else. */
  readonly batches: number
  readonly repairs: number
  /** How many nodes join an agent that knows none, and in what time. */
  readonly joining: { readonly peers: number; readonly seconds: number }
}

const FULL: Plan = { peers: 5000, rounds: 8, batches: 5, repairs: 60, joining: { peers: 1000, seconds: 10 } }
const QUICK: Plan = { peers: 300, rounds: 2, batches: 1, repairs: 6, joining: { peers: 100, seconds: 1 } }
/** Changes in one batch: each peer there and back. */
const CHANGES = 20

export const bench: Bench = {
  what: 'the entries of many peers: ours against ip -batch and bridge -batch, and an agent that has them',
  async run(context) {
    const plan = context.quick ? QUICK : FULL
    const apply = await firstApply(context, plan)
    const agent = await wholeAgent(context, plan)
    const joining = await nodesJoin(context, plan)
    return [...apply.rows, ...agent, ...apply.more, ...joining]
  },
}

interface Applied {
  readonly ms: number
  readonly cpuMs: number
}

/** Ours and by hand in turns, each in a fresh namespace. */
async function firstApply(
  context: BenchContext,
  { peers, rounds }: Plan,
): Promise<{ rows: Row[]; more: Row[] }> {
  context.note(`  first apply of ${peers} peers, ${rounds} rounds`)
  let made: string | undefined
  const taken = await interleave(rounds, [byUs, byHand], async side => {
    context.signal.throwIfAborted()
    const netns = Netns.create()
    try {
      const applied = side(netns, peers)
      const tables = readTables(netns)
      made ??= tables
      assert.ok(
        tables === made && tables.split('\n').length > 3 * peers,
        'both sides must make the same entries',
      )
      return applied
    } finally {
      netns.close()
    }
  })
  const row = (name: string, key: keyof Applied) => {
    const [ours, peer] = [byUs, byHand].map(side => taken(side).map(applied => applied[key]))
    return toRow({ name, unit: 'ms', better: 'lower', ours: ours ?? [], peer: peer ?? [] })
  }
  return { rows: [row('first-apply-5000', 'ms')], more: [row('first-apply-cpu', 'cpuMs')] }
}

function byUs(netns: Netns, peers: number): Applied {
  const program = join(import.meta.dirname, 'support/first-apply.ts')
  const [ms = 0, cpuMs = 0] = run(netns, [process.execPath, program, String(peers)])
    .split(' ')
    .map(Number)
  return { ms, cpuMs }
}

function byHand(netns: Netns, peers: number): Applied {
  const { ip, bridge } = batches(peers)
  const cpuBefore = cpuTimeMs(process.pid, 'children')
  const started = performance.now()
  run(netns, ['ip', '-batch', '-'], ip)
  run(netns, ['bridge', '-batch', '-'], bridge)
  const ms = performance.now() - started
  return { ms, cpuMs: cpuTimeMs(process.pid, 'children') - cpuBefore }
}

/** What the namespace holds of the peers, in an order of its own. */
function readTables(netns: Netns): string {
  const tables = [
    ['ip', 'route', 'show', 'dev', OVERLAY.link],
    ['ip', 'neigh', 'show', 'dev', OVERLAY.link, 'nud', 'permanent'],
    ['bridge', 'fdb', 'show', 'dev', OVERLAY.link],
  ]
  return tables
    .flatMap(command => run(netns, command).split('\n'))
    .toSorted()
    .join('\n')
}

function run(netns: Netns, command: readonly string[], input = ''): string {
  const result = spawnSync('nsenter', ['--net=/proc/self/fd/3', ...command], {
    input,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    stdio: ['pipe', 'pipe', 'pipe', netns.fds.netns],
  })
  if (result.status !== 0) throw new Error(`${command.join(' ')}: ${result.stderr}`)
  return result.stdout
}

async function wholeAgent(context: BenchContext, plan: Plan): Promise<Row[]> {
  const note = (what: string) => {
    context.signal.throwIfAborted()
    context.note(`  ${what}`)
  }
  note(`an agent with ${plan.peers} peers`)
  await using agent = await AgentWithPeers.create(plan.peers)
  const memory = [await agent.residentMegabytes()]
  note('one peer changes')
  const cpu: number[] = []
  for (let batch = 0; batch < plan.batches; batch += 1)
    cpu.push(await agent.changePeers(batch * CHANGES, CHANGES))
  note('entries are deleted')
  const repairs: number[] = []
  for (let n = 0; n < plan.repairs; n += 1) {
    context.signal.throwIfAborted()
    repairs.push(await agent.repair(n, (['route', 'neighbour', 'fdb'] as const)[n % 3] ?? 'route'))
  }
  memory.push(await agent.residentMegabytes())
  note('the agent is killed and another one started')
  const writes: number[] = []
  for (let n = 0; n < plan.batches; n += 1) {
    context.signal.throwIfAborted()
    const { operations, events } = await agent.restart()
    writes.push(operations + events)
    memory.push(await agent.residentMegabytes())
  }
  return [
    alone('one-peer-cpu', 'ms', cpu),
    alone('drift-repair', 'ms', repairs),
    alone('rss', 'MB', [Math.max(...memory)]),
    alone('restart-writes', 'count', [Math.max(...writes)]),
    alone('drift-repair-max', 'ms', [Math.max(...repairs)]),
  ]
}

async function nodesJoin(context: BenchContext, { joining: { peers, seconds } }: Plan): Promise<Row[]> {
  context.signal.throwIfAborted()
  context.note(`  ${peers} nodes join within ${seconds} s`)
  await using agent = await AgentWithPeers.create(0)
  const joined = await agent.join(peers, seconds)
  return [
    alone('join-1000', 's', [joined.seconds]),
    alone('join-1000-cpu', 's', [joined.cpuSeconds]),
    alone('join-1000-rss', 'MB', [joined.peakMegabytes]),
  ]
}

function alone(name: string, unit: string, ours: readonly number[]): Row {
  return toRow({ name, unit, better: 'lower', ours })
}
