import { type Clock, errorText, type Logger, PodlaceError } from '../../base/index.ts'
import { deleteOperation, isAbsent, isAsRead, type KeyValue, putOperation } from '../../etcd/index.ts'
import type { NetworkConfig } from '../../model/index.ts'
import { type BlockRange, formatLeaseKey, leaseFromAnnotations } from '../../overlay/index.ts'
import { Upkeep } from '../upkeep.ts'
import { areFree, chooseBlocks, fitRanges } from './choose-blocks.ts'
import { cidrsOf, netConfOf, objectOf } from './subnet-objects.ts'
import type { SubnetTable } from './subnet-table.ts'

export interface SubnetClaimOptions {
  readonly table: SubnetTable
  /**
   * What a node with these blocks tells the others, as annotations of its Node. Throws, in words, if the node cannot
   * take part in this network.
   */
  readonly announcement: (config: NetworkConfig, cidrs: readonly string[]) => ReadonlyMap<string, string>
  /** Blocks that this node had before, as far as it knows. */
  readonly previous: () => readonly string[]
  /** `fault` may be another one. */
  readonly onFault: () => void
  readonly clock: Clock
  readonly random: () => number
  readonly log: Logger
}

/** Other nodes that choose the same block at the same moment come first so often at most. */
const RACES = 10

/**
 * Sees to it that this node has a lease: the one with its public address, else one for the blocks that it had before,
 * else one for free ones, as flannel does. A lease that is there is the agent's to keep and to renew.
 */
export class SubnetClaim {
  private readonly options: SubnetClaimOptions
  private readonly upkeep: Upkeep
  private lastFault: string | undefined

  constructor(options: SubnetClaimOptions) {
    this.options = options
    const { clock, random, log } = options
    this.upkeep = new Upkeep({
      name: "this node's lease in etcd",
      step: () => this.step(),
      clock,
      random,
      log,
    })
  }

  /** Why the last try to get a lease failed, in words. */
  get fault(): string | undefined {
    return this.lastFault
  }

  /** The node has no lease, as far as is known. */
  poke(): void {
    this.upkeep.poke()
  }

  stop(): void {
    this.upkeep.stop()
  }

  private async step(): Promise<void> {
    try {
      await this.claim()
      this.tell(undefined)
    } catch (error) {
      this.tell(errorText(error))
      throw error
    }
  }

  private tell(fault: string | undefined): void {
    if (fault === this.lastFault) return
    this.lastFault = fault
    this.options.onFault()
  }

  private async claim(): Promise<void> {
    const { config, ranges } = await this.network()
    for (let race = 0; race < RACES; race += 1) if (await this.tryOnce(config, ranges)) return
    throw claimError(`other nodes took the block that was chosen ${RACES} times in a row`)
  }

  /** False if somebody was quicker. */
  private async tryOnce(config: NetworkConfig, ranges: readonly BlockRange[]): Promise<boolean> {
    const { table, previous, random, log } = this.options
    const { own, unreadable, taken } = await table.snapshot()
    if (unreadable !== undefined) {
      await this.rewrite(config, unreadable)
      return false
    }
    if (own !== undefined) {
      if (fitRanges(ranges, own.cidrs)) return true
      log.warn("this node's lease does not fit the network any more; it is given up", { key: own.kv.key })
      await table.options.etcd.transact([isAsRead(own.kv)], [deleteOperation(own.kv.key)])
      return false
    }
    const before = previous()
    const mayReturn = fitRanges(ranges, before) && areFree(before, taken)
    const cidrs = mayReturn ? before : chooseBlocks(ranges, taken, random)
    if (cidrs === undefined) throw claimError(`all blocks of ${table.configKey} are taken`)
    return this.create(config, cidrs)
  }

  private async rewrite(config: NetworkConfig, kv: KeyValue): Promise<void> {
    const { table, announcement, log } = this.options
    log.warn("somebody wrote over this node's lease; it is written again", { key: kv.key })
    const value = leaseFromAnnotations(announcement(config, cidrsOf(kv) ?? []))
    await table.options.etcd.transact([isAsRead(kv)], [putOperation(kv.key, value, kv.lease)])
  }

  private async create(config: NetworkConfig, cidrs: readonly string[]): Promise<boolean> {
    const { table, announcement, log } = this.options
    const { etcd, ttlSeconds } = table.options
    const key = table.leaseKey(formatLeaseKey(cidrs))
    const value = leaseFromAnnotations(announcement(config, cidrs))
    const lease = await etcd.grantLease(ttlSeconds)
    const isCreated = await etcd.transact([isAbsent(key)], [putOperation(key, value, lease)])
    if (isCreated) log.info('this node has a lease', { key })
    // Not waited for, and if it fails the lease ends by itself.
    else etcd.revokeLease(lease).catch(() => {})
    return isCreated
  }

  private async network(): Promise<{
    readonly config: NetworkConfig
    readonly ranges: readonly BlockRange[]
  }> {
    const { table } = this.options
    const kv = await table.options.etcd.get(table.configKey)
    if (kv === undefined)
      throw claimError(`there is no ${table.configKey}: write flannel's net-conf.json there`)
    const conf = netConfOf(kv, table.view)
    const config = objectOf('NetworkConfig', kv, table.view)
    if (typeof conf === 'string') throw claimError(`${table.configKey} cannot be used: ${conf}`)
    if (typeof config !== 'object')
      throw claimError(`${table.configKey} cannot be used: ${config ?? 'it is empty'}`)
    return { config, ranges: conf.ranges }
  }
}

export function claimError(message: string): PodlaceError {
  return new PodlaceError('claim a lease', message, { code: 'agent.etcd-lease' })
}
