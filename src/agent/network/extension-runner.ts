import { isDeepStrictEqual } from 'node:util'
import { type Clock, type Logger, PodlaceError } from '../../base/index.ts'
import type { Collection } from '../../derive/index.ts'
import type { Command, OverlayEffect, StartupEffect } from '../../overlay/index.ts'
import type { RunProgram } from '../../sys/index.ts'
import { Upkeep } from '../upkeep.ts'
import { readTold, type ToldSubnet, writeTold } from './extension-record.ts'
import type { LeaseMemory } from './lease-record.ts'

export interface ExtensionRunnerOptions {
  readonly effects: Collection<OverlayEffect>
  readonly run: RunProgram
  /** Which peers programs were told of: the next process goes on from there. */
  readonly memory: LeaseMemory
  readonly bootId: string
  /** `preStartupOutput` is known now. */
  readonly onOutput: () => void
  readonly clock: Clock
  readonly random: () => number
  readonly log: Logger
}

/**
 * Runs the programs of backend extension, one at a time: that before the node tells of itself, that after, and one for
 * each peer that comes or goes. One that fails is run again later. A peer is written down before its program starts, so
 * that after a crash it is told again, and one that went meanwhile is taken back.
 */
export class ExtensionRunner {
  private readonly options: ExtensionRunnerOptions
  private readonly upkeep: Upkeep
  private readonly unsubscribe: () => void
  private readonly told: Map<string, ToldSubnet>
  private before: { readonly command: Command; readonly output: string } | undefined
  private after: Command | undefined
  private mayRemove = false
  private stopped = false

  constructor(options: ExtensionRunnerOptions) {
    this.options = options
    const { effects, memory, bootId, clock, random, log } = options
    this.told = readTold(memory, bootId)
    this.upkeep = new Upkeep({
      name: 'the programs of backend extension',
      step: () => this.settle(),
      clock,
      random,
      log,
    })
    this.unsubscribe = effects.subscribe(changes => {
      if (changes.some(({ before, after }) => isOfPrograms(before) || isOfPrograms(after))) this.upkeep.poke()
    })
  }

  /** What the program before the start printed, without blanks at its ends; undefined while it has not run. */
  get preStartupOutput(): string | undefined {
    return this.before?.output
  }

  /** From now on peers that no plan wants are taken back; before, it may be that the plans are not complete. */
  release(): void {
    this.mayRemove = true
    if (this.told.size > 0) this.upkeep.poke()
  }

  /** No further program starts: those of the next agent must not run beside ours. */
  stop(): void {
    this.stopped = true
    this.unsubscribe()
    this.upkeep.stop()
  }

  private async settle(): Promise<void> {
    const startup = this.options.effects.get('startup')
    if (startup?.kind === 'startup') await this.start(startup)
    const failures: unknown[] = []
    for (const key of this.toRemove()) {
      if (this.stopped) return
      await this.remove(key).catch(error => failures.push(error))
    }
    for (const [key, effect] of this.options.effects.entries()) {
      if (this.stopped) return
      if (effect.kind !== 'subnet' || this.told.get(key)?.added === true) continue
      // One that changed and could not be taken back yet: first that.
      const known = this.told.get(key)
      if (known !== undefined && !isDeepStrictEqual(known.effect, effect)) continue
      this.tell(key, { effect, added: false })
      await this.run(effect.add).then(
        () => this.tell(key, { effect, added: true }),
        error => failures.push(error),
      )
    }
    if (failures.length > 0) throw failures[0]
  }

  private async start({ before, after }: StartupEffect): Promise<void> {
    if (before !== undefined && !isDeepStrictEqual(before, this.before?.command)) {
      this.before = { command: before, output: await this.run(before) }
      this.options.onOutput()
    }
    if (this.stopped || after === undefined || isDeepStrictEqual(after, this.after)) return
    await this.run(after)
    this.after = after
  }

  /** Peers that are not wanted any more, or not in that way. */
  private toRemove(): string[] {
    const { effects } = this.options
    return Array.from(this.told).flatMap(([key, { effect }]) => {
      const wanted = effects.get(key)
      const isGone = wanted === undefined ? this.mayRemove : !isDeepStrictEqual(wanted, effect)
      return isGone ? [key] : []
    })
  }

  private async remove(key: string): Promise<void> {
    await this.run(this.told.get(key)?.effect.remove)
    this.told.delete(key)
    writeTold(this.options.memory, this.options.bootId, this.told)
  }

  private tell(key: string, subnet: ToldSubnet): void {
    this.told.set(key, subnet)
    writeTold(this.options.memory, this.options.bootId, this.told)
  }

  /** What the program printed, without blanks at its ends. */
  private async run(command: Command | undefined): Promise<string> {
    if (command === undefined) return ''
    const { program, args, environment, input } = command
    const { exitCode, stdout, stderr } = await this.options.run(program, args, input, environment)
    if (exitCode === 0) {
      this.options.log.info('a program of backend extension was run', { program, environment })
      return stdout.trim()
    }
    const said = stderr.trim() || 'nothing'
    const message = `${program} ended with ${exitCode} and said: ${said.slice(0, 500)}`
    throw new PodlaceError(`run ${program}`, message, { code: 'agent.program-failed' })
  }
}

function isOfPrograms(effect: OverlayEffect | undefined): boolean {
  return effect?.kind === 'startup' || effect?.kind === 'subnet'
}
