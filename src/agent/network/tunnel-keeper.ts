import { createHash } from 'node:crypto'
import { type Clock, hasCode, type Logger } from '../../base/index.ts'
import type { Collection } from '../../derive/index.ts'
import type { Kernel } from '../../kernel/index.ts'
import type { OverlayEffect, TunnelEffect } from '../../overlay/index.ts'
import type { TunnelPeer, TunnelTable } from '../../tunnel/index.ts'
import { Upkeep } from '../upkeep.ts'
import { TunnelDrops } from './tunnel-drops.ts'
import type { TunnelControl, TunnelWorld } from './tunnel-world.ts'

export interface TunnelKeeperOptions {
  readonly effects: Collection<OverlayEffect>
  readonly world: TunnelWorld
  readonly kernel: Pick<Kernel, 'watch'>
  readonly clock: Clock
  readonly random: () => number
  readonly log: Logger
}

/**
 * Keeps the process of the backend udp as the plan wants it: started if nobody answers at its socket, configured with
 * the device that is there now, its table that of the peers. The process goes on without us; what it has bears a
 * revision made of the contents, so that an agent that starts anew writes nothing to one that is right.
 */
export class TunnelKeeper {
  readonly drops: TunnelDrops
  private readonly options: TunnelKeeperOptions
  private readonly upkeep: Upkeep
  private readonly endings: (() => void)[]
  private control: TunnelControl | undefined
  private mayEnd = false
  private device: string | undefined

  constructor(options: TunnelKeeperOptions) {
    this.options = options
    const { effects, kernel, clock, random, log } = options
    this.drops = new TunnelDrops(clock)
    this.upkeep = new Upkeep({ name: 'the UDP tunnel', step: () => this.settle(), clock, random, log })
    this.endings = [
      effects.subscribe(changes => {
        const concerned = changes.some(({ before, after }) => isOfTunnel(before) || isOfTunnel(after))
        if (concerned) this.upkeep.poke()
      }),
      kernel.watch(event => {
        // Made, and made anew after somebody deleted it.
        if (event.event !== 'set' || event.observed.entry.kind !== 'link') return
        if (event.observed.entry.name === this.device) this.upkeep.poke()
      }),
    ]
  }

  /** From now on a tunnel that no plan wants ends; before, it may be that the plans are not complete. */
  release(): void {
    this.mayEnd = true
    this.upkeep.poke()
  }

  /** The process goes on. */
  stop(): void {
    for (const end of this.endings) end()
    this.upkeep.stop()
    this.drops.stop()
    this.control?.close()
  }

  private async settle(): Promise<void> {
    const { tunnel, peers } = tunnelOf(this.options.effects)
    this.device = tunnel?.device
    if (tunnel === undefined) return this.mayEnd ? this.end() : undefined
    const index = await this.options.world.deviceIndex(tunnel.device)
    // It is being made; the kernel tells when it is there.
    if (index === undefined) return
    const control = await this.connect()
    const status = await control.status()
    await this.configure(control, tunnel, revisionOf([tunnel, index]), status.configurationRevision)
    const table = tableOf(tunnel, peers)
    if (table.revision !== status.tableRevision) await control.setTable(table)
  }

  private async configure(control: TunnelControl, tunnel: TunnelEffect, revision: bigint, present: bigint) {
    if (revision === present) return
    const { device, endpoint, tunnelAddress, mtu } = tunnel
    using opened = this.options.world.openQueues(device, endpoint)
    await control.configure({ revision, tunnelAddress, mtu, queues: opened.queues })
    this.options.log.info('the UDP tunnel is configured', { device, queues: opened.queues.length })
  }

  private async end(): Promise<void> {
    const control = this.control ?? connectIfThere(this.options.world)
    if (control === undefined) return
    this.control = undefined
    this.drops.stop()
    const { pid } = await control.status()
    control.close()
    this.options.world.end(pid)
    this.options.log.info('the UDP tunnel is not wanted any more: its process was asked to end', { pid })
  }

  /** The connection that is there, else a new one, to a process started for it if need be. */
  private async connect(): Promise<TunnelControl> {
    const { world, log } = this.options
    if (this.control !== undefined) return this.control
    let control = connectIfThere(world)
    if (control === undefined) {
      await world.start()
      log.info('the process of the UDP tunnel was started')
      control = world.connect()
    }
    this.control = control
    control.onClose(() => {
      if (this.control !== control) return
      this.control = undefined
      this.drops.stop()
      this.upkeep.poke()
    })
    this.drops.follow(control)
    return control
  }
}

function connectIfThere(world: TunnelWorld): TunnelControl | undefined {
  try {
    return world.connect()
  } catch (error) {
    if (hasCode(error, 'sys.enoent') || hasCode(error, 'sys.econnrefused')) return undefined
    throw error
  }
}

function isOfTunnel(effect: OverlayEffect | undefined): boolean {
  return effect?.kind === 'tunnel' || effect?.kind === 'tunnel-peer'
}

function tunnelOf(effects: Collection<OverlayEffect>) {
  let tunnel: TunnelEffect | undefined
  const peers: TunnelPeer[] = []
  for (const [, effect] of effects.entries()) {
    if (effect.kind === 'tunnel') tunnel = effect
    else if (effect.kind === 'tunnel-peer') peers.push(effect.peer)
  }
  return { tunnel, peers }
}

/** In an order that does not depend on who came when; nodes behind one address are one peer with all their prefixes. */
function tableOf({ localPrefixes }: TunnelEffect, rows: readonly TunnelPeer[]): TunnelTable {
  const byEndpoint = Map.groupBy(rows, ({ address, port }) => `${address}:${port}`)
  const peers = [...byEndpoint]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([, [first, ...more]]) => {
      if (first === undefined) return []
      const prefixes = [first, ...more].flatMap(peer => peer.prefixes).toSorted()
      return [{ ...first, prefixes }]
    })
  return { revision: revisionOf([localPrefixes, peers]), localPrefixes, peers }
}

/** Of the contents, and never 0, which is nobody's. */
function revisionOf(contents: unknown): bigint {
  const hash = createHash('sha256').update(JSON.stringify(contents)).digest()
  return hash.readBigUInt64BE() | 1n
}
