import fs from 'node:fs'
import path from 'node:path'
import {
  type Clock,
  DirectoryChanges,
  type DirectoryChangesOptions,
  errorText,
  hasCode,
  ifThere,
  type Logger,
  type Timer,
} from '../base/index.ts'
import { type CniRequest, decodeRequest } from '../cni/index.ts'
import type { CallOutcome, Execute } from '../daemon/index.ts'
import type { Agent } from './agent.ts'
import type { PodNamespace } from './pod-namespace.ts'

/**
 * Where the shim leaves DELs that no agent answered, each as the request it would have sent. Their names begin with
 * those of the interfaces: `<container>-<interface>-<number>`, where the number stands for plugin and configuration, or
 * without a number (a shim of before wrote one for each interface).
 */
export interface Tombstones {
  /** Names that begin so, in the order in which they were written. */
  list(beginning?: string): readonly string[]
  read(name: string): Uint8Array | undefined
  /** Forgets one whose DEL was carried out. */
  remove(name: string): void
}

/** Those in `<stateDir>/tombstones`. Unfinished temporary files are not touched. */
export function tombstonesIn(
  stateDir: string,
  options: Omit<DirectoryChangesOptions, 'directory'>,
): Tombstones {
  const directory = path.join(stateDir, 'tombstones')
  fs.mkdirSync(directory, { recursive: true, mode: 0o700 })
  const at = (name: string) => path.join(directory, name)
  const changes = new DirectoryChanges({ directory, ...options })
  const look = () => {
    changes.takeNote()
    try {
      return fs.readdirSync(directory)
    } catch (error) {
      changes.forget()
      throw error
    }
  }
  let known: readonly string[] = []
  const names = () => {
    // Each ADD asks, and nearly always nothing has come.
    if (!changes.none || !changes.certain) known = look()
    return known
  }
  return {
    list: (beginning = '') =>
      names()
        .filter(name => name.startsWith(beginning) && !name.startsWith('.'))
        .map(name => ({ name, stat: fs.statSync(at(name)) }))
        .filter(({ stat }) => stat.isFile())
        .sort((a, b) => a.stat.mtimeMs - b.stat.mtimeMs)
        .map(({ name }) => name),
    // Two may carry out the same one: an ADD does not wait for the next look.
    read: name => ifThere(() => fs.readFileSync(at(name))),
    remove: name => fs.rmSync(at(name), { force: true }),
  }
}

export interface LateDeletesOptions {
  readonly agent: Pick<Agent, 'handle'>
  readonly tombstones: Tombstones
  readonly clock: Clock
  readonly log: Logger
}

/** Of a DEL that is tried again. */
interface Failure {
  readonly error: string
  /** When it first failed for a reason that does not pass by itself. */
  readonly sinceMs: number | undefined
}

/** A shim that found no agent may write its tombstone when the next agent has looked for them already. */
const LOOK_MS = 5_000

/** What a DEL that fails is given: time for a human to set right what is wrong with the node. */
const GIVE_UP_MS = 24 * 3_600_000

/** Works off the DELs that came while no agent answered. */
export class LateDeletes {
  private readonly options: LateDeletesOptions
  private readonly failures = new Map<string, Failure>()
  /** Those that take a plugin of somebody else, which only a shim can run. */
  private readonly needShim = new Set<string>()
  private timer: Timer | undefined
  private round: Promise<void> = Promise.resolve()
  private stopped = false

  constructor(options: LateDeletesOptions) {
    this.options = options
  }

  /** Carries out those that are there, and from then on those that come. One that fails is tried again. */
  start(): Promise<void> {
    const { clock, log } = this.options
    this.round = this.carryOutAll()
      .catch((error: unknown) => log.error('cannot look for recorded DELs', { error: errorText(error) }))
      .then(() => {
        if (!this.stopped) this.timer = clock.after(LOOK_MS, () => void this.start())
      })
    return this.round
  }

  /** Resolves when no recorded DEL is under way any more. */
  stop(): Promise<void> {
    this.stopped = true
    this.timer?.cancel()
    return this.round
  }

  /**
   * A call of the shim. An ADD comes after the DEL that a tombstone of its interface speaks of: were that carried out
   * later, it would take away what the ADD makes. And any shim can do what an earlier DEL needs one for.
   */
  async handle(request: CniRequest, pod: PodNamespace | undefined, execute?: Execute): Promise<CallOutcome> {
    const { environment } = request
    if (environment.get('CNI_COMMAND') === 'ADD') {
      const name = `${environment.get('CNI_CONTAINERID')}-${environment.get('CNI_IFNAME')}`
      for (const tombstone of this.ofInterface(name)) await this.carryOut(tombstone, execute)
    }
    const [waiting] = this.needShim
    if (waiting !== undefined && execute !== undefined) await this.tryToCarryOut(waiting, execute)
    return this.options.agent.handle(request, pod, execute)
  }

  private ofInterface(name: string): readonly string[] {
    return this.options.tombstones.list(name).filter(found => /^(-\d+)?$/.test(found.slice(name.length)))
  }

  private async carryOutAll(): Promise<void> {
    for (const name of this.options.tombstones.list()) {
      if (this.stopped) return
      await this.tryToCarryOut(name)
    }
  }

  private async tryToCarryOut(name: string, execute?: Execute): Promise<void> {
    this.needShim.delete(name)
    try {
      await this.carryOut(name, execute)
    } catch (error) {
      const mayPass = hasCode(error, 'cni.try-again-later')
      if (execute === undefined && mayPass) this.needShim.add(name)
      this.note(name, errorText(error), mayPass)
    }
  }

  /** Complains once, not every few seconds, and does not try for ever what never succeeds. */
  private note(tombstone: string, error: string, mayPass: boolean): void {
    const { clock, log } = this.options
    const known = this.failures.get(tombstone)
    // Between two tries with a shim come many without one, which say nothing new.
    if (mayPass && known !== undefined) return
    const sinceMs = known?.sinceMs ?? (mayPass ? undefined : clock.nowMs())
    this.failures.set(tombstone, { error, sinceMs })
    if (sinceMs !== undefined && clock.nowMs() - sinceMs >= GIVE_UP_MS) {
      this.forget(tombstone)
      const message =
        'a DEL recorded while the agent was away failed for a day; it is given up, GC may still do it'
      log.error(message, { tombstone, error })
    } else if (known?.error !== error) {
      log.error('a DEL recorded while the agent was away failed; it is tried again', { tombstone, error })
    }
  }

  private async carryOut(name: string, execute?: Execute): Promise<void> {
    const { agent, tombstones } = this.options
    const payload = tombstones.read(name)
    if (payload === undefined) return
    await agent.handle(decodeRequest(payload), undefined, execute)
    this.forget(name)
  }

  private forget(name: string): void {
    this.options.tombstones.remove(name)
    this.failures.delete(name)
  }
}
