import type { Tombstones } from '../../agent/index.ts'
import { FakeKernel, FakeNetwork, type KernelEvent, type Operation } from '../../kernel/index.ts'
import type { Store } from '../../store/index.ts'
import type { Scheduler } from '../scheduler.ts'
import { AgentProcess } from './agent-process.ts'
import type { Namespace } from './container.ts'
import { ForeignProgram } from './foreign.ts'
import type { KernelLuck } from './kernel-luck.ts'
import { Process } from './process.ts'
import { MachineDisk } from './sim-disk.ts'

export interface MachineOptions {
  readonly scheduler: Scheduler
  /** Unique, for the trace. */
  readonly name: string
  /** Of the Node that its agent stands for; a clone has its original's. */
  readonly nodeName: string
  /** On the underlay. */
  readonly address: string
  readonly luck: KernelLuck
  readonly addressCooldownSeconds: number
  readonly disk?: MachineDisk | undefined
  /** The connection of a new process to the store. */
  readonly connect: (process: Process) => Store
  readonly onOperation: (process: Process, operation: Operation, namespace: Namespace) => void
  readonly onKernelEvent: (event: KernelEvent) => void
}

/** After this the supervisor starts an agent again that ended by itself, milliseconds. */
const RESTART_MS = 400

/** A computer with a disk and a kernel, on which agents live one after the other. */
export class Machine {
  readonly name: string
  readonly nodeName: string
  readonly address: string
  readonly luck: KernelLuck
  readonly disk: MachineDisk
  readonly network = new FakeNetwork()
  readonly tombstones = new Map<string, Uint8Array>()
  readonly foreign: ForeignProgram
  private ground: FakeKernel
  current: AgentProcess | undefined
  boots = 0
  on = false
  private readonly options: MachineOptions
  private lives = 0
  private restartMs: number | undefined
  private wallOffsetMs = 0
  private readonly bootListeners: (() => void)[] = []

  constructor(options: MachineOptions) {
    this.options = options
    this.name = options.name
    this.nodeName = options.nodeName
    this.address = options.address
    this.luck = options.luck
    this.disk = options.disk ?? new MachineDisk()
    this.ground = this.freshKernel()
    this.foreign = new ForeignProgram(this.ground)
  }

  /** The node's own, of its present life. */
  get namespace(): Namespace {
    return this.ground.namespace
  }

  /** The agent that can be called. */
  get listening(): AgentProcess | undefined {
    return this.current?.listening === true && this.current.process.alive ? this.current : undefined
  }

  /** Its agent, if one lives. */
  get process(): Process | undefined {
    return this.current?.process.alive === true ? this.current.process : undefined
  }

  onBoot(fn: () => void): void {
    this.bootListeners.push(fn)
  }

  boot(): void {
    if (this.on) return
    this.on = true
    this.boots += 1
    for (const tell of this.bootListeners) tell()
    this.startAgent()
  }

  /** All at once: processes and namespaces are gone, of the disk's cache any part. */
  powerCut(): void {
    this.on = false
    this.current?.process.end('power cut')
    this.disk.powerCut(this.options.scheduler.stream(`${this.name} power cut ${this.boots}`))
    this.ground = this.freshKernel()
    this.foreign.reset(this.ground)
  }

  /** The agent is killed at one of its next steps, and started again later. */
  crashAgent(steps: number, restartMs: number): void {
    this.restartMs = restartMs
    this.process?.armCrash(steps)
  }

  /** The agent is stopped properly, and started again later. */
  async restartAgent(restartMs: number): Promise<void> {
    this.restartMs = restartMs
    await this.current?.stop()
  }

  pauseAgent(forMs: number): void {
    const process = this.process
    if (process === undefined) return
    process.clock.pause()
    this.options.scheduler.after(forMs, `${this.name}: the agent goes on`, () => process.clock.resume())
  }

  reboot(afterMs: number): void {
    if (!this.on) return
    this.powerCut()
    this.options.scheduler.after(afterMs, `${this.name} is switched on`, () => this.boot())
  }

  fillDisk(forMs: number): void {
    this.disk.full = true
    this.options.scheduler.after(
      forMs,
      `${this.name}: there is room on the disk`,
      () => (this.disk.full = false),
    )
  }

  /** Another program does something to the namespace. */
  actForeign(number: number, pick: number): void {
    if (!this.on) return
    const done = this.foreign.act(number, pick)
    this.options.scheduler.note(`${this.name}: another program: ${done}`)
  }

  /** The same, while the agent's event socket is full. */
  overflow(number: number, pick: number): void {
    const { current } = this
    if (current?.process.alive !== true) return this.actForeign(number, pick)
    current.kernel.overflow(() => this.actForeign(number, pick))
  }

  /** Nothing goes wrong any more. */
  heal(): void {
    this.disk.full = false
    this.luck.heal()
    this.foreign.heal()
    this.process?.disarm()
    this.process?.clock.resume()
  }

  jumpWall(byMs: number): void {
    this.wallOffsetMs += byMs
    this.process?.clock.jumpWall(byMs)
  }

  private startAgent(): void {
    if (!this.on) return
    const { scheduler, connect, onOperation, addressCooldownSeconds } = this.options
    this.lives += 1
    const process = new Process(scheduler, `${this.name}/${this.lives}`)
    process.clock.jumpWall(this.wallOffsetMs)
    process.onEnd(() => this.startLater())
    this.current = new AgentProcess(process, {
      nodeName: this.nodeName,
      namespace: this.namespace,
      disk: this.disk,
      bootId: `${this.name} boot ${this.boots}`,
      tombstones: this.tombstoneFiles(),
      store: connect(process),
      luck: this.luck,
      addressCooldownSeconds,
      onOperation: (operation, namespace) => onOperation(process, operation, namespace),
    })
    void this.current.start()
  }

  private startLater(): void {
    const delayMs = this.restartMs ?? RESTART_MS
    this.restartMs = undefined
    const { boots } = this
    this.options.scheduler.after(delayMs, `${this.name}: the supervisor starts the agent`, () => {
      if (this.boots === boots) this.startAgent()
    })
  }

  private tombstoneFiles(): Tombstones {
    return {
      list: (beginning = '') => [...this.tombstones.keys()].filter(name => name.startsWith(beginning)),
      read: name => this.tombstones.get(name),
      remove: name => this.tombstones.delete(name),
    }
  }

  private freshKernel(): FakeKernel {
    const kernel = new FakeKernel({ network: this.network, devices: ['eth0'] })
    const address = `${this.address}/24`
    kernel.namespace.addObject({ kind: 'address', link: 'eth0', address, scope: 'global' }, 'foreign')
    kernel.namespace.listen(event => this.options.onKernelEvent(event))
    return kernel
  }
}
