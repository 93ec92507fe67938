import { FOREIGN_ACTS } from './world/foreign.ts'
import type { KernelRates } from './world/kernel-luck.ts'

/** How the world of a scenario is made. */
export interface Knobs {
  readonly nodes: number
  readonly controllers: number
  /** Blocks that the pod network has room for; fewer than nodes is scarcity. */
  readonly blocks: number
  /** Prefix length of a block. */
  readonly blockLength: number
  readonly backend: 'vxlan' | 'host-gw' | 'direct-routing'
  readonly blockCooldownSeconds: number
  readonly addressCooldownSeconds: number
  readonly kernel: KernelRates
}

/** What happens at a time: a small tuple, so that a list of them shrinks and reads well. */
export type Command = readonly [atMs: number, op: CommandName, ...args: readonly number[]]

export type CommandName = keyof typeof COMMANDS

interface CommandShape {
  /** What its arguments are, for people. */
  readonly args: readonly string[]
  /** How often it is drawn, compared with others. */
  readonly weight: number
  readonly what: string
}

/** The vocabulary. Arguments are small whole numbers; whoever carries a command out takes them modulo what is there. */
const COMMANDS = {
  add: { args: ['machine', 'container'], weight: 45, what: 'the runtime starts a container' },
  'add-killed': { args: ['machine', 'container', 'ms'], weight: 4, what: 'and its shim is killed meanwhile' },
  del: { args: ['machine', 'container'], weight: 25, what: 'the runtime deletes a container' },
  'del-early': { args: ['machine', 'container'], weight: 5, what: 'its namespace goes before the DEL' },
  again: {
    args: ['machine', 'container', 'ms'],
    weight: 10,
    what: 'the runtime deletes a container, and starts it again under the same name',
  },
  check: { args: ['machine', 'container'], weight: 3, what: 'CHECK' },
  gc: { args: ['machine'], weight: 2, what: 'GC with all containers that the runtime knows' },
  crash: {
    args: ['machine', 'steps', 'away'],
    weight: 12,
    what: 'the agent is killed at a step, and started again',
  },
  restart: {
    args: ['machine', 'away'],
    weight: 6,
    what: 'the agent is stopped properly, and started again',
  },
  pause: { args: ['machine', 'away'], weight: 4, what: 'the agent’s process is stopped for a while' },
  reboot: { args: ['machine', 'away'], weight: 3, what: 'power cut' },
  'disk-full': { args: ['machine', 'away'], weight: 2, what: 'the disk is full for a while' },
  'wall-jump': { args: ['machine', 'seconds'], weight: 2, what: 'the machine’s wall clock is set' },
  'node-delete': { args: ['machine'], weight: 6, what: 'somebody deletes the Node' },
  'node-vanish': {
    args: ['machine', 'long', 'watch'],
    weight: 12,
    what: 'somebody deletes the Node, and watches of its machine tell nothing for a while',
  },
  'rack-out': {
    args: ['machine', 'ms'],
    weight: 3,
    what: 'two Nodes are deleted, and registered again in the other order when their blocks are free',
  },
  'node-create': { args: ['machine'], weight: 20, what: 'the kubelet registers the Node' },
  'controller-crash': {
    args: ['controller', 'steps', 'ms'],
    weight: 3,
    what: 'a controller is killed at a step',
  },
  'controller-pause': {
    args: ['controller', 'ms'],
    weight: 2,
    what: 'a controller’s process is stopped for a while',
  },
  foreign: {
    args: ['machine', 'act', 'pick'],
    weight: 12,
    what: 'another program does something to the kernel',
  },
  overflow: {
    args: ['machine', 'act', 'pick'],
    weight: 4,
    what: 'the same, and the agent’s event socket overflows',
  },
  'slip-in': {
    args: ['machine', 'pick'],
    weight: 3,
    what: 'the next operation on one kind of object is refused',
  },
  cut: { args: ['line', 'long'], weight: 5, what: 'nothing passes between a program and the API server' },
  'cut-answers': { args: ['line', 'long'], weight: 3, what: 'its requests arrive, and no answers come back' },
  slow: { args: ['line', 'long'], weight: 2, what: 'everything takes half a second' },
  lag: { args: ['line', 'long', 'watch'], weight: 6, what: 'watches lag ten seconds behind' },
  refuse: { args: ['line', 'long'], weight: 2, what: 'the API server answers 503' },
  'refuse-after': { args: ['line', 'long'], weight: 3, what: 'the API server does the work and answers 504' },
  'lists-fail': { args: ['line', 'long'], weight: 2, what: 'lists break off in the middle' },
  'lists-stale': {
    args: ['line', 'long', 'behind'],
    weight: 3,
    what: '410, and lists come from a replica that lags behind',
  },
  'watches-refused': { args: ['line', 'long'], weight: 2, what: 'no watch can be begun' },
  'watches-expired': { args: ['line', 'long'], weight: 3, what: 'every watch answers 410' },
  'only-bookmarks': {
    args: ['line', 'long', 'watch'],
    weight: 6,
    what: 'watches tell bookmarks and nothing else',
  },
  'watch-breaks': { args: ['line', 'watch'], weight: 3, what: 'watches break' },
  'watch-torn': { args: ['line', 'watch'], weight: 3, what: 'watches break in the middle of a line' },
  'watch-repeats': { args: ['line', 'watch'], weight: 3, what: 'the last event comes twice' },
  'watch-goes-back': { args: ['line', 'watch'], weight: 3, what: 'events of the past come again' },
  'watch-reorders': {
    args: ['line', 'watch'],
    weight: 3,
    what: 'the next two events come in the wrong order',
  },
  'watch-expires': { args: ['line', 'watch'], weight: 3, what: '410 in the middle of a watch' },
  clone: {
    args: ['machine', 'long'],
    weight: 5,
    what: 'another machine starts with a copy of the disk, under the same name, while this one is cut off',
  },
  compact: { args: [], weight: 6, what: 'the API server forgets the past' },
  'api-restart': { args: ['long'], weight: 3, what: 'the API server restarts' },
  restore: { args: ['ms', 'revisions'], weight: 2, what: 'the API server comes back with an old backup' },
} as const satisfies Record<string, CommandShape>

/**
 * What often happens to the same machine soon after a command, one of these lists in its order: a Node that goes matters
 * where pods come and go before its agent hears of it, and a crash where containers do before the next one is there.
 */
const SEQUELS: Partial<Record<CommandName, readonly (readonly CommandName[])[]>> = {
  'node-vanish': [
    ['del', 'add'],
    ['add', 'node-create'],
  ],
  clone: [['node-delete', 'add']],
  crash: [['again', 'add'], ['del']],
  restart: [['del'], ['again']],
  'del-early': [['reboot']],
  compact: [['api-restart', 'node-delete']],
}

/** Everything about one run; with the seed of its scheduler it is that run, always. */
export interface Scenario {
  readonly seed: number
  readonly knobs: Knobs
  readonly commands: readonly Command[]
}

/** Within this time the commands are given, milliseconds. */
export const TROUBLE_MS = 120_000
/**
 * An agent that is dead or stopped cannot cut its node off. It must not be away for longer than the part of the
 * cooldown that a lease leaves unused (a fifth of 30 s), however many such faults come together.
 */
const AWAY_MS = 1_200
/** At least so many. */
const FEWEST_COMMANDS = 30

/** A scenario out of a sequence of chances. */
export function drawScenario(seed: number, random: () => number): Scenario {
  const upTo = (limit: number) => Math.floor(random() * limit)
  const one = <T>(...choices: readonly [T, ...T[]]): T => choices[upTo(choices.length)] ?? choices[0]
  const nodes = one(3, 3, 3, 4, 5, 3 + upTo(8))
  const knobs: Knobs = {
    nodes,
    controllers: one(1, 2),
    blocks: random() < 0.4 ? Math.max(1, nodes - 1 - upTo(3)) : nodes + upTo(4),
    blockLength: one(24, 28, 29, 30),
    backend: one('vxlan', 'vxlan', 'host-gw', 'direct-routing'),
    blockCooldownSeconds: one(30, 30, 60),
    addressCooldownSeconds: one(5, 30),
    kernel: {
      operationMs: one(0, 0.2, 2),
      eventMs: one(0, 5, 200),
      refusals: random() < 0.3 ? 0.01 : 0,
      interruptions: random() < 0.2 ? 0.05 : 0,
    },
  }
  // With few of them a node is often empty, and its block may pass on at once.
  const containers = one(1, 1, 2, 6)
  const names = weighted()
  let lastMs = 0
  const soon = (afterMs: number, withinMs: number) => Math.min(afterMs + upTo(withinMs), TROUBLE_MS - 1)
  const argsOf = (name: CommandName) =>
    COMMANDS[name].args.map(arg => drawArgument(arg, knobs, containers, upTo))
  const commands: Command[] = []
  const count = FEWEST_COMMANDS + upTo(31)
  while (commands.length < count) {
    const name = names[upTo(names.length)] ?? 'add'
    // Half of them come soon after another one: trouble that comes together is the worse kind.
    lastMs = upTo(2) === 0 ? soon(lastMs, 3_000) : upTo(TROUBLE_MS)
    const args = argsOf(name)
    commands.push([lastMs, name, ...args])
    const sequels = SEQUELS[name] ?? []
    if (upTo(2) === 0) continue
    for (const sequel of sequels[upTo(sequels.length)] ?? []) {
      lastMs = soon(lastMs, 4_000)
      commands.push([lastMs, sequel, ...argsOf(sequel).with(0, args[0] ?? 0)])
    }
  }
  return { seed, knobs, commands: commands.toSorted(([a], [b]) => a - b) }
}

function drawArgument(
  arg: string,
  knobs: Knobs,
  containers: number,
  upTo: (limit: number) => number,
): number {
  switch (arg) {
    case 'machine':
      // One of them has most of the trouble: much of what goes wrong needs several things to come together.
      return upTo(2) === 0 ? 0 : upTo(knobs.nodes)
    case 'controller':
      return upTo(knobs.controllers)
    case 'container':
      return upTo(2) === 0 ? 0 : upTo(containers)
    case 'line':
      return upTo(2) === 0 ? 0 : upTo(knobs.nodes + knobs.controllers)
    case 'watch':
      // All of them twice.
      return upTo(4)
    case 'act':
      return upTo(FOREIGN_ACTS)
    case 'pick':
      return upTo(20)
    case 'behind':
      return 1 + upTo(200)
    case 'revisions':
      return 1 + upTo(20)
    case 'steps':
      return 1 + upTo(40)
    case 'away':
      return upTo(AWAY_MS)
    case 'long':
      return upTo([1_000, 10_000, 60_000][upTo(3)] ?? 1_000)
    case 'seconds':
      return upTo(7200) - 3600
    default:
      // Mostly short: the interesting things happen within milliseconds of one another.
      return upTo(upTo(2) === 0 ? 50 : 8_000)
  }
}

function weighted(): CommandName[] {
  const names: CommandName[] = []
  for (const [name, { weight }] of Object.entries(COMMANDS)) {
    if (isCommandName(name)) names.push(...Array.from({ length: weight }, () => name))
  }
  return names
}

export function isCommandName(text: string): text is CommandName {
  return Object.hasOwn(COMMANDS, text)
}
