import { type CniRequest, encodeRequest } from '../../cni/index.ts'
import type { Scheduler, SimClock } from '../scheduler.ts'
import type { CallerEnd, Reply } from './agent-process.ts'
import { Container } from './container.ts'
import type { Machine } from './machine.ts'

/** The shim's deadline (native/shim), milliseconds. */
const DEADLINE_MS = 110_000
/** Between two tries of a DEL that failed. */
const DEL_RETRY_MS = 1_000

/** A disk under load takes so long to sync a tombstone. */
const SLOW_SYNC_MS = 3_000

/** Which the shim makes from plugin and configuration; here all calls have the same. */
const TOMBSTONE_NUMBER = 1

/** Until then an ADD that was refused must have left nothing: some tries, if the kernel refuses some deletions. */
const REFUSAL_MS = 2_000

type Heard = Reply | { readonly outcome: 'timeout' } | { readonly outcome: 'killed' }

export interface RuntimeOptions {
  readonly scheduler: Scheduler
  readonly machine: Machine
  /** A container begins or ceases to be live. */
  readonly onChange: () => void
  readonly nextCookie: () => bigint
}

/** The container runtime of one machine: calls CNI as the specification allows, through the shim. */
export class Runtime {
  readonly containers = new Map<string, Container>()
  private readonly options: RuntimeOptions
  private clock: SimClock
  private readonly random: () => number
  /** Calls under way by container: a runtime does one after the other for a container. */
  private readonly busy = new Set<string>()

  constructor(options: RuntimeOptions) {
    this.options = options
    const { scheduler, machine } = options
    this.clock = scheduler.clock(`${machine.name} runtime`)
    this.random = scheduler.stream(`${machine.name} runtime`)
    machine.onBoot(() => this.onBoot())
  }

  *live(): Iterable<Container> {
    for (const container of this.containers.values()) if (container.state === 'live') yield container
  }

  get idle(): boolean {
    return this.busy.size === 0
  }

  /** Starts a container that is not there; if its ADD fails it is deleted. `killAfterMs`: the shim is killed then. */
  async add(id: string, killAfterMs?: number): Promise<void> {
    const { machine, nextCookie, onChange } = this.options
    const known = this.containers.get(id)
    if (!machine.on || this.busy.has(id) || (known !== undefined && known.state !== 'deleted')) return
    this.busy.add(id)
    const container = new Container(id, nextCookie(), machine.network)
    this.containers.set(id, container)
    const heard = await this.call('ADD', container, killAfterMs)
    if (heard.outcome === 'refused') {
      container.refusal = heard.message
      await this.lookAfterRefusal(container)
    }
    if (heard.outcome === 'done') {
      container.state = 'live'
      container.ips = addressesIn(heard.output)
      onChange()
    } else await this.removeFully(container, this.random() < 0.5)
    this.busy.delete(id)
  }

  /** Deletes a container, also one that is deleted already; with its namespace gone before, if `early`. */
  async del(id: string, early: boolean): Promise<void> {
    const container = this.containers.get(id)
    if (container === undefined || !this.options.machine.on || this.busy.has(id)) return
    this.busy.add(id)
    await this.removeFully(container, early)
    this.busy.delete(id)
  }

  /** What CHECK says, or undefined if the container is not live. */
  async check(id: string): Promise<Heard | undefined> {
    const container = this.containers.get(id)
    if (container?.state !== 'live' || this.busy.has(id)) return undefined
    this.busy.add(id)
    const heard = await this.call('CHECK', container)
    this.busy.delete(id)
    return heard
  }

  /** Names all containers that may still have something. */
  async collectGarbage(): Promise<Heard | undefined> {
    if (!this.options.machine.on) return undefined
    const valid = [...this.containers.values()].filter(({ state }) => state !== 'deleted')
    return this.send(this.request('GC', undefined, valid), undefined)
  }

  /** The agent that refused has taken back what it made, and needs no DEL to do so. */
  private async lookAfterRefusal(container: Container): Promise<void> {
    const agent = this.options.machine.listening
    await this.wait(REFUSAL_MS, 'refused a while ago')
    if (agent === undefined || agent !== this.options.machine.listening || agent.process.clock.paused) return
    container.state = 'refused'
    this.options.onChange()
    await this.wait(0, 'DEL after a refusal')
  }

  private async removeFully(container: Container, early: boolean): Promise<void> {
    container.state = 'unknown'
    container.removedForGood = false
    this.options.onChange()
    if (early) container.removeNamespace()
    for (;;) {
      const heard = await this.call('DEL', container)
      if (heard.outcome === 'done' || (await this.leavesTombstone(container, heard))) {
        container.removedForGood = heard.outcome === 'done'
        break
      }
      await this.wait(DEL_RETRY_MS, 'DEL again')
    }
    container.removeNamespace()
    container.state = 'deleted'
    this.options.onChange()
  }

  /** The shim does it when nobody heard the DEL. */
  private async leavesTombstone(container: Container, heard: Heard): Promise<boolean> {
    if (heard.outcome !== 'away' && heard.outcome !== 'timeout') return false
    await this.wait(this.random() * (this.random() < 0.5 ? SLOW_SYNC_MS : 5), 'tombstone written')
    const payload = encodeRequest({ ...this.request('DEL', container), fds: [] })
    const { tombstones } = this.options.machine
    // One configuration, one number; a record that is there stays.
    const name = `${container.id}-eth0-${TOMBSTONE_NUMBER}`
    if (!tombstones.has(name)) tombstones.set(name, payload)
    return true
  }

  private call(command: string, container: Container, killAfterMs?: number): Promise<Heard> {
    return this.send(this.request(command, container), container, killAfterMs)
  }

  private send(request: CniRequest, container: Container | undefined, killAfterMs?: number): Promise<Heard> {
    const { machine } = this.options
    return new Promise(resolve => {
      let over = false
      let answered = false
      const hear = (heard: Heard) => {
        over = true
        resolve(heard)
      }
      const caller: CallerEnd = {
        isGone: () => over,
        // What was written before the connection broke is read first.
        answer: reply => {
          if (!answered) this.clock.after(this.random(), () => over || hear(reply), 'reply')
          answered = true
        },
      }
      if (killAfterMs !== undefined)
        this.clock.after(killAfterMs, () => over || hear({ outcome: 'killed' }), 'shim killed')
      this.clock.after(DEADLINE_MS, () => over || hear({ outcome: 'timeout' }), 'shim gives up')
      this.clock.after(
        this.random() * 2,
        () => {
          if (over) return
          const server = machine.listening
          if (server === undefined) caller.answer({ outcome: 'away' })
          else server.accept(request, container, caller)
        },
        `${request.environment.get('CNI_COMMAND')} ${container?.id ?? ''}`,
      )
    })
  }

  private request(command: string, container?: Container, valid?: readonly Container[]): CniRequest {
    const config = {
      cniVersion: '1.1.0',
      name: 'pods',
      type: 'podlace',
      ...(valid === undefined
        ? {}
        : { 'cni.dev/valid-attachments': valid.map(({ id }) => ({ containerID: id, ifname: 'eth0' })) }),
    }
    const environment = new Map([['CNI_COMMAND', command]])
    if (container !== undefined) {
      environment.set('CNI_CONTAINERID', container.id)
      environment.set('CNI_IFNAME', 'eth0')
      environment.set('CNI_NETNS', `/run/netns/${container.id}`)
    }
    return { type: 'podlace', fds: [], environment, stdin: Buffer.from(JSON.stringify(config)) }
  }

  /** After a power cut no sandbox is there any more; the runtime says so for each, as it should. */
  private onBoot(): void {
    const { machine, scheduler, onChange } = this.options
    this.clock.stop()
    this.clock = scheduler.clock(`${machine.name} runtime`)
    this.busy.clear()
    for (const container of this.containers.values()) {
      container.namespace = undefined
      if (container.state === 'deleted') continue
      container.state = 'unknown'
      void this.del(container.id, true)
    }
    onChange()
  }

  private wait(delayMs: number, what: string): Promise<void> {
    return new Promise(resolve => this.clock.after(delayMs, resolve, what))
  }
}

function addressesIn(output: unknown): readonly string[] {
  if (typeof output !== 'object' || output === null || !('ips' in output) || !Array.isArray(output.ips))
    return []
  return output.ips.flatMap((ip: unknown) =>
    typeof ip === 'object' && ip !== null && 'address' in ip ? [String(ip.address).split('/')[0] ?? ''] : [],
  )
}
