import { entryKey, type KernelEvent, type Operation } from '../../kernel/index.ts'
import { KubernetesStore, type Store } from '../../store/index.ts'
import type { Knobs } from '../scenario.ts'
import { Scheduler } from '../scheduler.ts'
import { type SimLink, SimServer } from '../wire/index.ts'
import type { Container, Namespace } from './container.ts'
import { ControllerHost } from './controller-process.ts'
import { KernelLuck } from './kernel-luck.ts'
import { Machine } from './machine.ts'
import { People } from './people.ts'
import type { Process } from './process.ts'
import { Runtime } from './runtime.ts'
import { Truth } from './truth.ts'

/** A machine with what runs on it beside the agent, and its line to the API server. */
export interface Host {
  readonly machine: Machine
  readonly runtime: Runtime
  readonly link: SimLink
}

export interface WorldListener {
  /** An agent is about to do this to its machine's or a pod's namespace. */
  onOperation?(host: Host, process: Process, operation: Operation, namespace: Namespace): void
  /** Something changed in a machine's namespace, whoever did it. */
  onKernelEvent?(host: Host, event: KernelEvent): void
}

/** How long it takes to put a backup back, milliseconds. */
const BACKUP_MS = 15_000

/** The whole cluster: machines, their runtimes, controllers, the API server, and the people who create Nodes. */
export class World {
  readonly scheduler: Scheduler
  readonly knobs: Knobs
  readonly server: SimServer
  readonly truth: Truth
  readonly people: People
  readonly hosts: Host[] = []
  readonly controllers: ControllerHost[] = []
  readonly listeners: WorldListener[] = []
  /** Rises with everything that a safety invariant may depend on. */
  version = 0
  private cookies = 0n
  private healed = false
  /**
   * The store has gone back in time, and gives away again what was claimed since the backup; and who hears nothing of
   * that goes on by what it saw before, while revisions are used again. Who uses a block in good faith may be wrong then.
   */
  wasRestored = false
  /** Until when two machines may answer for one Node, by its name: the later one looks like the other after a power cut. */
  private readonly twinsUntilMs = new Map<string, number>()
  /** Since when a machine's line has been cut. */
  private readonly cuts = new Map<SimLink, number>()

  constructor(seed: number, knobs: Knobs) {
    this.scheduler = new Scheduler({ seed })
    this.knobs = knobs
    const { scheduler } = this
    this.server = new SimServer({ scheduler })
    this.people = new People(this.server)
    this.truth = new Truth(scheduler, () => (this.version += 1))
    this.truth.follow(this.server.store)
    for (let index = 1; index <= knobs.nodes; index += 1) this.addHost(`node-${index}`, `192.168.77.${index}`)
    for (let index = 0; index < knobs.controllers; index += 1) {
      const name = `controller-${index + 1}`
      const link = this.server.link(name)
      this.controllers.push(new ControllerHost(scheduler, name, process => connect(process, link)))
    }
  }

  /** Everything is switched on. */
  async begin(): Promise<void> {
    await this.people.createNetwork(this.knobs)
    for (const { machine } of this.hosts) {
      const delayMs = this.scheduler.random() * 500
      this.scheduler.after(delayMs, `${machine.name} is switched on`, () => machine.boot())
      this.scheduler.after(delayMs, 'kubelet', () => void this.people.register(machine))
    }
    for (const controller of this.controllers) controller.start()
  }

  /** The lines to the API server: those of the machines, then those of the controllers. */
  get links(): readonly SimLink[] {
    return [
      ...this.hosts.map(({ link }) => link),
      ...this.controllers.map(({ name }) => this.server.link(name)),
    ]
  }

  *liveContainers(): Iterable<{ readonly machine: Machine; readonly container: Container }> {
    for (const { machine, runtime } of this.hosts) {
      for (const container of runtime.live()) yield { machine, container }
    }
  }

  /** When the line of a machine was cut, if it is. */
  cutSinceMs(machine: Machine): number | undefined {
    const host = this.hosts.find(candidate => candidate.machine === machine)
    return host && this.cuts.get(host.link)
  }

  cut(link: SimLink, how: 'both' | 'answers'): void {
    link.set({ partition: how })
    if (!this.cuts.has(link)) this.cuts.set(link, this.scheduler.nowMs)
  }

  mend(link: SimLink): void {
    link.set({ partition: 'none' })
    this.cuts.delete(link)
  }

  /** The API server ends and comes back after a while; with a backup if it lost its last revisions. */
  restartServer(downMs: number, lost: number): void {
    this.server.stop()
    this.scheduler.after(downMs, 'the API server comes back', () => {
      if (this.healed) return
      if (lost > 0) {
        this.server.restore(lost, BACKUP_MS)
        this.wasRestored = true
      } else this.server.start()
      this.truth.follow(this.server.store)
    })
  }

  /** All trouble ends; what was broken off may be taken up. */
  heal(): void {
    this.scheduler.note('everything is healed')
    this.healed = true
    this.server.heal()
    this.truth.follow(this.server.store)
    void this.people.createNetwork(this.knobs)
    this.cuts.clear()
    for (const { machine } of this.hosts.splice(this.knobs.nodes)) machine.powerCut()
    for (const { machine } of this.hosts) {
      machine.heal()
      void this.people.readdress(machine)
    }
    for (const controller of this.controllers) controller.heal()
  }

  /** A new pod on every node, when all is well again. */
  addLastPods(): void {
    for (const { runtime } of this.hosts) void runtime.add('last')
  }

  collectGarbage(): void {
    for (const { runtime } of this.hosts) void runtime.collectGarbage()
  }

  /** Another machine is started with a copy of the disk; its kubelet believes to be the node. */
  clone({ machine: original }: Host): void {
    const number = this.hosts.length
    const address = `192.168.77.${100 + number}`
    const { machine } = this.addHost(`clone-${number}`, address, original)
    machine.boot()
    this.twinsUntilMs.set(original.nodeName, this.scheduler.nowMs + this.cooldownMs)
    void this.people.readdress(machine)
  }

  /** True if one of the two is a clone of the other, and the other may not know it yet. */
  areTwins(one: Machine, other: Machine): boolean {
    if (one === other || one.nodeName !== other.nodeName) return false
    return this.scheduler.nowMs < (this.twinsUntilMs.get(one.nodeName) ?? 0)
  }

  private get cooldownMs(): number {
    return this.knobs.blockCooldownSeconds * 1000
  }

  private addHost(name: string, address: string, original?: Machine): Host {
    const { scheduler, knobs } = this
    const link = this.server.link(name)
    const machine = new Machine({
      scheduler,
      name,
      nodeName: original?.nodeName ?? name,
      address,
      disk: original?.disk.clone(),
      luck: new KernelLuck(scheduler.stream(`${name} kernel`), knobs.kernel),
      addressCooldownSeconds: knobs.addressCooldownSeconds,
      connect: process => connect(process, link),
      onOperation: (process, operation, namespace) => {
        const where = namespace === machine.namespace ? '' : ' in the pod'
        scheduler.note(
          `${process.name}: ${operation.op} ${entryKey(operation.entry)}${where} (${operation.why})`,
        )
        for (const listener of this.listeners) listener.onOperation?.(host, process, operation, namespace)
      },
      onKernelEvent: event => {
        this.version += 1
        for (const listener of this.listeners) listener.onKernelEvent?.(host, event)
      },
    })
    const runtime = new Runtime({
      scheduler,
      machine,
      onChange: () => (this.version += 1),
      nextCookie: () => (this.cookies += 1n),
    })
    const host: Host = { machine, runtime, link }
    this.hosts.push(host)
    return host
  }
}

/** The real client over a simulated line; each request may be the last thing its process does. */
function connect(process: Process, link: SimLink): Store {
  const { clock, random } = process
  const transport = link.transport(clock)
  link.onPoint = (point, { op }) => void process.dies(`${point} of ${op}`)
  process.onEnd(() => transport.kill())
  return new KubernetesStore({ transport, clock, random })
}
