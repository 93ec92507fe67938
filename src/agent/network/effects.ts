import type { Clock, Logger } from '../../base/index.ts'
import type { Collection } from '../../derive/index.ts'
import type { Kernel } from '../../kernel/index.ts'
import type { OverlayEffect } from '../../overlay/index.ts'
import type { RunProgram } from '../../sys/index.ts'
import { ExtensionRunner } from './extension-runner.ts'
import type { LeaseMemory } from './lease-record.ts'
import type { TunnelDrops } from './tunnel-drops.ts'
import { TunnelKeeper } from './tunnel-keeper.ts'
import type { TunnelWorld } from './tunnel-world.ts'

export interface EffectsWorld {
  /** Without it, as in a simulation, the backend udp has its device and route, and nobody who carries packets. */
  readonly tunnel?: TunnelWorld
  /** For the backend extension; without it, as in a simulation, no program is run. */
  readonly runProgram?: RunProgram
  readonly kernel: Kernel
  readonly bootId: string
  readonly clock: Clock
  readonly random: () => number
  readonly log: Logger
}

export interface EffectsOptions {
  readonly effects: Collection<OverlayEffect>
  readonly world: EffectsWorld
  /** Where it is kept which peers programs were told of. */
  readonly memory: LeaseMemory
  /** `preStartupOutput` is known now. */
  readonly onOutput: () => void
}

/** What the overlay wants besides the kernel's entries, each kind by who sees to it. */
export class Effects {
  private readonly tunnel: TunnelKeeper | undefined
  private readonly extension: ExtensionRunner | undefined

  constructor({ effects, world, memory, onOutput }: EffectsOptions) {
    const { kernel, bootId, clock, random, log } = world
    const common = { effects, clock, random, log }
    const { tunnel, runProgram: run } = world
    this.tunnel = tunnel && new TunnelKeeper({ ...common, world: tunnel, kernel })
    this.extension = run && new ExtensionRunner({ ...common, run, memory, bootId, onOutput })
  }

  /** What the process of backend udp drops; undefined where there is nobody to ask, as in a simulation. */
  get tunnelDrops(): TunnelDrops | undefined {
    return this.tunnel?.drops
  }

  /** What the program of backend extension printed that runs before the start. */
  get preStartupOutput(): string | undefined {
    return this.extension?.preStartupOutput
  }

  /** From now on what no plan wants ends; before, it may be that the plans are not complete. */
  release(): void {
    this.tunnel?.release()
    this.extension?.release()
  }

  stop(): void {
    this.tunnel?.stop()
    this.extension?.stop()
  }
}
