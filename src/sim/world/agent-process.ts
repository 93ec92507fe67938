import {
  Agent,
  LateDeletes,
  type PodNamespace,
  parseAgentConfig,
  type Tombstones,
} from '../../agent/index.ts'
import { errorText } from '../../base/index.ts'
import { type CniRequest, cniErrorReply } from '../../cni/index.ts'
import { answerOrUndo, type CallOutcome } from '../../daemon/index.ts'
import { FakeKernel, type Fault, type Operation } from '../../kernel/index.ts'
import type { Store } from '../../store/index.ts'
import type { Container, Namespace } from './container.ts'
import type { KernelLuck } from './kernel-luck.ts'
import { type Process, ProcessEnded } from './process.ts'
import { diskOf, type MachineDisk } from './sim-disk.ts'

/** What an agent finds on its machine. */
export interface AgentSurroundings {
  readonly nodeName: string
  readonly namespace: Namespace
  readonly disk: MachineDisk
  readonly bootId: string
  readonly tombstones: Tombstones
  readonly store: Store
  readonly luck: KernelLuck
  readonly addressCooldownSeconds: number
  /** Told of each operation before it is carried out. */
  readonly onOperation: (operation: Operation, namespace: Namespace) => void
}

/** What the runtime hears of a call. */
export type Reply =
  | { readonly outcome: 'done'; readonly output: unknown }
  | { readonly outcome: 'refused'; readonly code: number; readonly message: string }
  /** The connection broke, or there was nobody to connect to. */
  | { readonly outcome: 'away' }

/** One caller's end of a connection. */
export interface CallerEnd {
  readonly isGone: () => boolean
  readonly answer: (reply: Reply) => void
}

/** One life of the agent on one machine, as `runAgent` puts it together for a real one. */
export class AgentProcess {
  readonly process: Process
  readonly kernel: FakeKernel
  agent: Agent | undefined
  /** Behind the CNI socket, once it is there. */
  private calls: LateDeletes | undefined
  private readonly around: AgentSurroundings
  private readonly callers = new Set<CallerEnd>()
  /** Calls that have come and were not read yet. */
  private readonly waiting: (() => Promise<void>)[] = []

  constructor(process: Process, around: AgentSurroundings) {
    this.process = process
    this.around = around
    this.kernel = this.openKernel(around.namespace)
    process.onEnd(() => {
      this.calls = undefined
      for (const caller of this.callers) caller.answer({ outcome: 'away' })
      this.callers.clear()
    })
  }

  get listening(): boolean {
    return this.calls !== undefined
  }

  /** Never rejects: a start that fails ends the process. */
  async start(): Promise<void> {
    const { process, around } = this
    try {
      const agent = this.makeAgent()
      this.agent = agent
      await agent.start()
      process.step('started')
      const { tombstones } = around
      const calls = new LateDeletes({ agent, tombstones, clock: process.clock, log: process.log })
      await calls.start()
      process.step('listening')
      this.calls = calls
    } catch (error) {
      process.end(`cannot start: ${errorText(error)}`)
    }
  }

  /** The administrator stops it. */
  async stop(): Promise<void> {
    this.calls?.stop()
    this.calls = undefined
    try {
      await this.agent?.stop()
      this.process.end('stopped')
    } catch (error) {
      if (this.process.alive) throw error
    }
  }

  /** Somebody has connected and asked; if the process ends, the connection breaks. Who came first is heard first. */
  accept(request: CniRequest, container: Container | undefined, caller: CallerEnd): void {
    this.callers.add(caller)
    this.waiting.push(() => this.serve(request, container, caller))
    this.process.clock.after(this.process.random(), () => void this.waiting.shift()?.(), 'CNI call')
  }

  private async serve(
    request: CniRequest,
    container: Container | undefined,
    caller: CallerEnd,
  ): Promise<void> {
    const { process } = this
    try {
      const { reply, undo } = await this.answer(request, container)
      process.step('answering')
      await answerOrUndo({ isGone: caller.isGone, send: () => caller.answer(reply) }, undo, process.log)
      process.step('having answered')
    } catch (error) {
      if (process.alive) throw error
    } finally {
      this.callers.delete(caller)
    }
  }

  private async answer(
    request: CniRequest,
    container: Container | undefined,
  ): Promise<{ reply: Reply; undo?: CallOutcome['undo'] }> {
    try {
      const pod = container && this.podNamespace(container)
      const outcome = await this.calls?.handle(request, pod)
      if (outcome === undefined) return { reply: { outcome: 'away' } }
      return { reply: { outcome: 'done', output: outcome.output }, undo: outcome.undo }
    } catch (error) {
      if (error instanceof ProcessEnded || !this.process.alive) throw error
      const { code, msg } = cniErrorReply(error)
      return { reply: { outcome: 'refused', code, message: msg } }
    }
  }

  private podNamespace({ namespace, cookie }: Container): PodNamespace | undefined {
    if (namespace === undefined) return undefined
    return {
      fds: { netns: namespace.descriptor, ipv6: 0 },
      cookie,
      openKernel: () => this.openKernel(namespace),
    }
  }

  private openKernel(namespace: Namespace): FakeKernel {
    const { process } = this
    const { luck, onOperation } = this.around
    const kernel = new FakeKernel({
      namespace,
      fault: operation => {
        onOperation(operation, namespace)
        return this.mortal(operation) ?? luck.refusal(operation)
      },
      deliver: fold => luck.deliverLater(process, fold),
      pause: () => luck.pause(process),
      interrupted: () => luck.interrupted(),
    })
    process.onEnd(() => kernel.close())
    return kernel
  }

  private mortal({ op, entry }: Operation): Fault | undefined {
    if (this.process.dies(`before ${op} ${entry.kind}`)) return { crash: 'before' }
    if (this.process.dies(`after ${op} ${entry.kind}`)) return { crash: 'after' }
    return undefined
  }

  private makeAgent(): Agent {
    const { process, around, kernel } = this
    const config = parseAgentConfig({
      nodeName: around.nodeName,
      api: 'http://simulated',
      subnetFile: '',
      addressCooldownSeconds: around.addressCooldownSeconds,
    })
    return new Agent(config, {
      store: around.store,
      kernel,
      hostNamespace: kernel,
      hardware: { pathOf: () => undefined, driverOf: () => undefined },
      hasIpv6: true,
      journal: diskOf(around.disk, process),
      bootId: around.bootId,
      flock: () => true,
      createFile: path => {
        throw new Error(`${path} is to be made, and a simulated agent keeps no leases in files`)
      },
      readFile: file => around.disk.readFile(file),
      writeFile: (file, text) => {
        process.step(`writing ${file}`)
        around.disk.writeFile(file, text)
        process.step(`having written ${file}`)
      },
      clock: process.clock,
      random: process.random,
      log: process.log,
      checkpoint: step => process.step(step),
    })
  }
}
