import type { EtcdClient, WatchEvent as EtcdEvent, KeyValue } from '../../etcd/index.ts'
import { blockName, type Kind, type KindMap } from '../../model/index.ts'
import { formatLeaseKey } from '../../overlay/index.ts'
import type { ObjectList, WatchEvent } from '../../store/index.ts'
import { expired } from './store-errors.ts'
import {
  cidrsOf,
  namesOf,
  objectName,
  objectOf,
  publicAddressOf,
  readLease,
  type SubnetLease,
  type Viewpoint,
} from './subnet-objects.ts'

export interface SubnetTableOptions extends Omit<Viewpoint, 'ownKey' | 'configKey'> {
  readonly etcd: EtcdClient
  /** `/coreos.com/network` */
  readonly prefix: string
  /** Who reads or follows the leases found none of this node's, or one that somebody wrote over and nobody can read. */
  readonly onLost: () => void
}

/** All leases at one revision. */
export interface Snapshot {
  /** Blocks of all keys, also of those whose values cannot be read. */
  readonly taken: readonly string[]
  /** This node's, by its public address. */
  readonly own: SubnetLease | undefined
  /** This node's, if somebody wrote over it what nobody can read. */
  readonly unreadable: KeyValue | undefined
}

export interface Found<K extends Kind> {
  readonly kv: KeyValue
  readonly object: KindMap[K]
}

/** flannel's part of an etcd, read as objects. */
export class SubnetTable {
  readonly options: SubnetTableOptions
  /** This node's lease, as it was seen last. */
  private own: KeyValue | undefined

  constructor(options: SubnetTableOptions) {
    this.options = options
  }

  get view(): Viewpoint {
    return { ...this.options, configKey: this.configKey, ownKey: this.own?.key }
  }

  get configKey(): string {
    return `${this.options.prefix}/config`
  }

  leaseKey(name: string): string {
    return `${this.options.prefix}/subnets/${name}`
  }

  /** Where the keys of a kind begin. */
  prefixOf(kind: Kind): string {
    return kind === 'NetworkConfig' ? this.configKey : this.leaseKey('')
  }

  /** For who claims: it is told what is there, and needs no `onLost`. */
  async snapshot(): Promise<Snapshot> {
    return this.see((await this.options.etcd.list(this.leaseKey(''))).kvs)
  }

  /** @param name of the only one that is wanted */
  async list<K extends Kind>(kind: K, name?: string): Promise<ObjectList<KindMap[K]>> {
    const { kvs, revision } = await this.options.etcd.list(this.prefixOf(kind))
    if (kind !== 'NetworkConfig') this.look(kvs)
    const items: KindMap[K][] = []
    const rejected: { key: string; message: string }[] = []
    const { view } = this
    for (const kv of kvs) {
      // To make an object of it costs six times as much as its name.
      if (name !== undefined && objectName(kind, kv, view) !== name) continue
      const object = objectOf(kind, kv, view)
      if (typeof object === 'object') items.push(object)
      else if (object !== undefined) rejected.push({ key: objectName(kind, kv, view), message: object })
    }
    return { items, rejected, resourceVersion: String(revision) }
  }

  /** What this node's lease was when it was seen last, without asking. */
  known<K extends Kind>(kind: K, name: string): KindMap[K] | undefined {
    if (this.own === undefined || !namesOf(kind, this.own, this.view).includes(name)) return undefined
    const object = objectOf(kind, this.own, this.view, name)
    return typeof object === 'object' ? object : undefined
  }

  /** The oldest that goes by this name, with the key that holds it. */
  async find<K extends Kind>(kind: K, name: string): Promise<Found<K> | undefined> {
    const kvs = (await this.keysOfOwn(kind, name)) ?? (await this.keysOf(kind))
    for (const kv of kvs.toSorted(byAge)) {
      if (!namesOf(kind, kv, this.view).includes(name)) continue
      const object = objectOf(kind, kv, this.view, name)
      if (typeof object === 'object') return { kv, object }
    }
    return undefined
  }

  private async keysOf(kind: Kind): Promise<readonly KeyValue[]> {
    const { kvs } = await this.options.etcd.list(this.prefixOf(kind))
    if (kind !== 'NetworkConfig') this.look(kvs)
    return kvs
  }

  /**
   * All keys that may go by a name of this node's lease, without those of thousands of other nodes: a key begins with
   * its first block. Undefined if the name is another one, or is the second block's, by which no keys can be asked for;
   * and if the lease is not what it was, since only all of them tell what it is.
   */
  private async keysOfOwn(kind: Kind, name: string): Promise<readonly KeyValue[] | undefined> {
    const { own } = this
    if (own === undefined || kind === 'NetworkConfig') return undefined
    const [first = '', second] = cidrsOf(own) ?? []
    if (!namesOf(kind, own, this.view).includes(name) || (second !== undefined && name === blockName(second)))
      return undefined
    const { kvs } = await this.options.etcd.list(this.leaseKey(formatLeaseKey([first])))
    const now = kvs.find(({ key }) => key === own.key)
    const lease = now && readLease(now)
    if (this.own !== own || typeof lease !== 'object' || !this.isOurs(lease)) return undefined
    this.own = lease.kv
    return kvs
  }

  /**
   * What an event means for objects of a kind; undefined if nothing.
   *
   * @throws StoreError `store.expired` if only a list can tell
   */
  changeOf<K extends Kind>(kind: K, { type, now, before }: EtcdEvent): WatchEvent<KindMap[K]> | undefined {
    const last = type === 'put' ? now : before
    if (type === 'delete' && now.key === this.own?.key) this.options.onLost()
    if (last === undefined) throw expired(kind, `etcd has forgotten what ${now.key} was`)
    if (kind !== 'NetworkConfig')
      this.refuseOtherOwner(kind, [now, ...(before === undefined ? [] : [before])])
    const object = objectOf(kind, last, this.view)
    if (object === undefined) return undefined
    if (typeof object === 'string') throw expired(kind, `${now.key} cannot be read: ${object}`)
    if (type === 'put') return { type: before === undefined ? 'ADDED' : 'MODIFIED', object }
    const metadata = { ...object.metadata, resourceVersion: String(now.modRevision) }
    return { type: 'DELETED', object: { ...object, metadata } }
  }

  /** A key that becomes this node's lease, or is it no more, is another object from then on. */
  private refuseOtherOwner(kind: Kind, versions: readonly KeyValue[]): void {
    for (const kv of versions) {
      const lease = readLease(kv)
      if (typeof lease !== 'object' || this.isOurs(lease) === (kv.key === this.own?.key)) continue
      throw expired(kind, `${kv.key} became the lease of this node, or is it no more`)
    }
  }

  private look(kvs: readonly KeyValue[]): void {
    const { own } = this.see(kvs)
    if (own === undefined) this.options.onLost()
  }

  private see(kvs: readonly KeyValue[]): Snapshot {
    const leases = kvs.map(readLease).filter(lease => typeof lease === 'object')
    const own = leases.filter(lease => this.isOurs(lease)).toSorted((a, b) => byAge(a.kv, b.kv))[0]
    // What cannot be read at the moment is still ours.
    const kept = kvs.find(kv => kv.key === this.own?.key && typeof readLease(kv) === 'string')
    const unreadable = own === undefined ? kept : undefined
    this.own = own?.kv ?? unreadable
    return { own, unreadable, taken: kvs.flatMap(kv => cidrsOf(kv) ?? []) }
  }

  private isOurs(lease: SubnetLease): boolean {
    return publicAddressOf(lease) === this.options.publicAddress
  }
}

function byAge(a: KeyValue, b: KeyValue): number {
  return a.createRevision - b.createRevision
}
