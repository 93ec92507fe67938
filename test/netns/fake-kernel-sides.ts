import {
  type Entry,
  FakeKernel,
  FakeNetwork,
  type ForeignAct,
  type Kernel,
  type NamespaceHandle,
  NetlinkKernel,
  type ObservedEntry,
  type Operation,
  performForeign,
} from '../../src/kernel/index.ts'
import { NetlinkEvents, Netns, openTun } from '../../src/sys/index.ts'
import { SYSCTLS } from './fake-kernel-entries.ts'
import { RealProgram } from './fake-kernel-program.ts'
import { linesOf, outcomeLine, type Story, Teller } from './fake-kernel-story.ts'
import { run } from './kernel-harness.ts'

interface SideParts {
  readonly kernel: Kernel
  /** Dumps only: what it sees must not disturb how `kernel` follows events. */
  readonly observer: Kernel
  readonly pod: Kernel
  readonly podHandle: NamespaceHandle
  readonly perform: (act: ForeignAct) => Promise<string | undefined>
}

/** A kernel, real or fake, with another program and a pod's namespace. */
export class Side {
  private readonly parts: SideParts
  private readonly teller: Teller
  private outcomes: readonly string[] = []

  private constructor(parts: SideParts, teller: Teller) {
    this.parts = parts
    this.teller = teller
  }

  static async of(parts: SideParts): Promise<Side> {
    return new Side(parts, await Teller.of(parts.kernel))
  }

  async apply(operations: readonly Operation[]): Promise<void> {
    const { kernel, podHandle } = this.parts
    const outcomes = await kernel.apply(operations, { namespaces: new Map([['pod', podHandle]]) })
    this.outcomes = outcomes.map(outcomeLine)
  }

  async perform(act: ForeignAct): Promise<void> {
    this.outcomes = [(await this.parts.perform(act)) ?? 'done']
  }

  observe(): Promise<readonly ObservedEntry[]> {
    return this.parts.observer.observe(SYSCTLS)
  }

  /** Of the last command. */
  async story(): Promise<Story> {
    const { kernel, pod } = this.parts
    const host = linesOf(await this.observe())
    const told = await this.teller.told(kernel, host)
    return { outcomes: this.outcomes, host, pod: linesOf(await pod.observe()), told }
  }
}

/** Two fresh namespaces with `lo` up and, in the first, a device. Everything is closed when `use` has ended. */
export async function withRealSide<T>(use: (side: Side) => Promise<T>): Promise<T> {
  using netns = namespace()
  using podNetns = namespace()
  run(netns, ['ip', 'link', 'add', 'uplink', 'type', 'ifb'])
  run(netns, ['ip', 'link', 'set', 'uplink', 'up'])
  using program = new RealProgram(netns)
  const kernel = new NetlinkKernel({
    netns,
    openEvents: (protocol, groups, options) => NetlinkEvents.openIn(netns, protocol, groups, options),
    openTun: (name, options) => openTun(name, { ...options, netns }),
  })
  try {
    const side = await Side.of({
      kernel,
      observer: new NetlinkKernel({ netns }),
      pod: new NetlinkKernel({ netns: podNetns }),
      podHandle: podNetns,
      perform: act => program.perform(act),
    })
    return await use(side)
  } finally {
    kernel.close()
  }
}

/** The same in the model. */
export async function fakeSide(): Promise<Side> {
  const network = new FakeNetwork()
  const kernel = new FakeKernel({ network })
  const uplink: Entry = { kind: 'link', type: 'ifb', name: 'uplink', claim: 'use', owner: '' }
  performForeign(kernel, { act: 'add', entry: uplink })
  performForeign(kernel, { act: 'set-link', name: 'uplink', changes: { up: true } })
  const pod = new FakeKernel({ network })
  for (const each of [kernel, pod]) {
    performForeign(each, { act: 'set-link', name: 'lo', changes: { up: true } })
  }
  const perform = async (act: ForeignAct) => performForeign(kernel, act)
  return Side.of({ kernel, observer: kernel, pod, podHandle: pod, perform })
}

function namespace(): Netns {
  const netns = Netns.create()
  // Link-local addresses come when the kernel finds a carrier, which takes its time.
  netns.writeSysctl('ipv6/conf/default/addr_gen_mode', '1')
  run(netns, ['ip', 'link', 'set', 'lo', 'up'])
  return netns
}
