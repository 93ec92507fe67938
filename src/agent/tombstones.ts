import fs from 'node:fs'
import path from 'node:path'
import { type Clock, errorText, hasCode, type Logger, type Timer } from '../base/index.ts'
import { type CniRequest, decodeRequest } from '../cni/index.ts'
import type { CallOutcome, Execute } from '../daemon/index.ts'
import type { Agent } from './agent.ts'
import type { PodNamespace } from './pod-namespace.ts'

/**
 * Where the shim leaves DELs that no agent answered, each as the request it would have sent. Their names are those of
 * the interfaces: `<container>-<interface>`.
 */
export interface Tombstones {
  /** Names, oldest first. */
  list(): readonly string[]
  read(name: string): Uint8Array | undefined
  /** Forgets one whose DEL was carried out. */
  remove(name: string): void
}

/** Those in `<stateDir>/tombstones`. Unfinished temporary files are not touched. */
export function tombstonesIn(stateDir: string): Tombstones {
  const directory = path.join(stateDir, 'tombstones')
  fs.mkdirSync(directory, { recursive: true, mode: 0o700 })
  const ageOf = (name: string) => fs.statSync(path.join(directory, name)).mtimeMs
  return {
    list: () =>
      fs
        .readdirSync(directory, { withFileTypes: true })
        .filter(item => item.isFile() && !item.name.startsWith('.'))
        .map(({ name }) => ({ name, atMs: ageOf(name) }))
        .sort((a, b) => a.atMs - b.atMs)
        .map(({ name }) => name),
    read(name) {
      // Of a call nothing is known to be valid yet. And asked for every ADD: mostly there is none.
      const file = path.join(directory, name)
      if (path.basename(file) !== name || name.startsWith('.')) return undefined
      return fs.existsSync(file) && fs.statSync(file).isFile() ? fs.readFileSync(file) : undefined
    },
    remove: name => fs.rmSync(path.join(directory, name), { force: true }),
  }
}

export interface LateDeletesOptions {
  readonly agent: Pick<Agent, 'handle'>
  readonly tombstones: Tombstones
  readonly clock: Clock
  readonly log: Logger
}

/** A shim that found no agent may write its tombstone when the next agent has looked for them already. */
const LOOK_MS = 5_000

/** Works off the DELs that came while no agent answered. */
export class LateDeletes {
  private readonly options: LateDeletesOptions
  private readonly failures = new Map<string, string>()
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
      await this.carryOut(`${environment.get('CNI_CONTAINERID')}-${environment.get('CNI_IFNAME')}`, execute)
    }
    const [waiting] = this.needShim
    if (waiting !== undefined && execute !== undefined) await this.tryToCarryOut(waiting, execute)
    return this.options.agent.handle(request, pod, execute)
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
      if (execute === undefined && hasCode(error, 'cni.try-again-later')) this.needShim.add(name)
      this.complain(name, errorText(error))
    }
  }

  /** Once, not every few seconds. */
  private complain(tombstone: string, error: string): void {
    if (this.failures.get(tombstone) === error) return
    this.failures.set(tombstone, error)
    const message = 'a DEL recorded while the agent was away failed; it is tried again'
    this.options.log.error(message, { tombstone, error })
  }

  private async carryOut(name: string, execute?: Execute): Promise<void> {
    const { agent, tombstones } = this.options
    const payload = tombstones.read(name)
    if (payload === undefined) return
    await agent.handle(decodeRequest(payload), undefined, execute)
    tombstones.remove(name)
    this.failures.delete(name)
  }
}
