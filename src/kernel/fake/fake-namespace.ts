import { type Entry, entryKey, type LinkEntry } from '../entry.ts'
import { linkOfSysctl } from '../kinds/sysctl.ts'
import type { KernelEvent, ObservedEntry } from '../operation.ts'
import { addAddress, deleteAddress } from './addresses.ts'
import type { FakeNetwork } from './fake-network.ts'
import { addFdb, deleteFdb } from './forwarding.ts'
import { addChain, deleteChain } from './iptables.ts'
import { changeLink, type LinkSettings, type LinkTraits } from './link-settings.ts'
import { addLink, deleteLink } from './links.ts'
import { addNeighbour, deleteNeighbour } from './neighbours.ts'
import { addElement, addTable, deleteNft } from './nft.ts'
import { Objects } from './objects.ts'
import { refuse } from './refusal.ts'
import { addRoute, deleteRoute } from './routes.ts'
import { addRule, deleteRule } from './rules.ts'
import { Sysctls } from './sysctls.ts'
import { addQdisc, addRedirect, deleteQdisc, deleteRedirect } from './traffic-control.ts'
import { deleteWireguard, setWireguard, setWireguardPeer } from './wireguard.ts'

export type Mark = ObservedEntry['mark']

/** A link somewhere. */
export interface LinkPlace {
  readonly namespace: FakeNamespace
  readonly name: string
}

/**
 * The state of one namespace and the laws it obeys: what the kernel refuses, and what goes along when something
 * goes. Acts for us and for other programs alike; `mark` says for whom. The laws of each kind have a file of their
 * own; they are held against the real kernel by random histories (test/netns/fake-kernel-calibration.test.ts).
 */
export class FakeNamespace {
  readonly objects = new Objects()
  /** By name: what no entry tells of a link. */
  readonly traits = new Map<string, LinkTraits>()
  /** By the name of a veth: its other end. */
  readonly peers = new Map<string, LinkPlace>()
  /** By the name of a link: the device in another namespace that it is on. */
  readonly devices = new Map<string, LinkPlace>()
  /** By the name of a device that was moved here: what it was. */
  readonly formerly = new Map<string, LinkEntry>()
  readonly sysctls = new Sysctls()
  /** Names of links that leave no checksums to their device. */
  readonly summing = new Set<string>()
  /** By name: links with an ingress qdisc, and whether it has a filter of ours. */
  readonly ingress = new Map<string, 'empty' | 'filtered'>()
  /** As a descriptor would name it in `NamespaceHandle`. */
  readonly descriptor: number
  readonly network: FakeNetwork
  private readonly listeners = new Set<(event: KernelEvent) => void>()
  /** How many changes were made, by anybody. */
  modifications = 0

  constructor(network: FakeNetwork) {
    this.network = network
    this.descriptor = network.register(this)
    for (const entry of atBirth()) this.put({ entry, mark: 'foreign' })
  }

  /** Returns the function that ends it. */
  listen(listener: (event: KernelEvent) => void): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  link(name: string): LinkEntry | undefined {
    const entry = this.objects.get(`link ${name}`)?.entry
    return entry?.kind === 'link' ? entry : undefined
  }

  /** The link of this name, or ENODEV. */
  needLink(name: string): LinkEntry {
    return this.link(name) ?? refuse('ENODEV', `there is no link ${name}`)
  }

  has(key: string): boolean {
    return this.objects.get(key) !== undefined
  }

  /** True if some link has the address, whatever its prefix length. */
  hasHost(host: string): boolean {
    for (const { entry } of this.entries()) {
      if (entry.kind === 'address' && entry.address.startsWith(`${host}/`)) return true
    }
    return false
  }

  entries(): Iterable<ObservedEntry> {
    return this.objects.entries()
  }

  /** A physical device: there before us, up. */
  createDevice(name: string): void {
    addLink(this, { kind: 'link', type: 'device', name, claim: 'use', owner: '', up: true })
  }

  /** Without a mark: that is set on a link that exists. `other` is where its peer belongs, or its device is. */
  createLink(link: LinkEntry, other?: FakeNamespace): void {
    if (link.type === 'device') refuse('EOPNOTSUPP', `a physical device such as ${link.name} cannot be made`)
    addLink(this, link, other)
  }

  /** Sets what is given, and the mark if there is an owner. */
  changeLink(name: string, settings: LinkSettings, owner?: string): void {
    changeLink(this, name, settings, owner)
  }

  deleteLink(name: string): void {
    deleteLink(this, name)
  }

  /** Adds anything but a link or a setting; `replace` as `ip route replace` and `ip neigh replace` do it. */
  addObject(entry: Entry, mark: Mark, replace = false): void {
    switch (entry.kind) {
      case 'address':
        return addAddress(this, entry, mark)
      case 'route':
        return addRoute(this, entry, mark, replace)
      case 'fdb':
        return addFdb(this, entry, mark, replace)
      case 'qdisc':
        return addQdisc(this, entry, mark, replace)
      case 'redirect':
        return addRedirect(this, entry)
      case 'wireguard':
        return setWireguard(this, entry)
      case 'wireguard-peer':
        return setWireguardPeer(this, entry)
      case 'nft-table':
        return addTable(this, entry, mark)
      case 'nft-element':
        return addElement(this, entry)
      case 'iptables-chain':
        return addChain(this, entry, replace)
      case 'neighbour':
        return addNeighbour(this, entry, mark, replace)
      case 'rule':
        return addRule(this, entry, mark)
      case 'link':
      case 'sysctl':
      case 'offload':
        throw new TypeError(`a ${entry.kind} is not added as an object`)
    }
  }

  /** As other programs do: of several under the key the first goes. */
  deleteObject(key: string): void {
    const { entry } = this.objects.get(key) ?? refuse('ENOENT', `there is no ${key}`)
    this.deleteEntry(entry)
  }

  /** Deletes what the entry names. `mark`: only what bears it, where the kernel can tell. */
  deleteEntry(entry: Entry, mark?: Mark): void {
    switch (entry.kind) {
      case 'address':
        return deleteAddress(this, entry)
      case 'route':
        return deleteRoute(this, entry, mark)
      case 'fdb':
        return deleteFdb(this, entry)
      case 'qdisc':
        return deleteQdisc(this, entry, mark)
      case 'redirect':
        return deleteRedirect(this, entry)
      case 'wireguard':
      case 'wireguard-peer':
        return deleteWireguard(this, entry)
      case 'nft-table':
      case 'nft-element':
        return deleteNft(this, entry)
      case 'iptables-chain':
        return deleteChain(this, entry)
      case 'rule':
        return deleteRule(this, entry, mark)
      case 'neighbour':
        return deleteNeighbour(this, entry)
      case 'link':
        return deleteLink(this, entry.name)
      case 'sysctl':
      case 'offload':
        throw new TypeError('a setting cannot be deleted')
    }
  }

  readSysctl(path: string): string {
    const link = linkOfSysctl(path)
    if (link !== undefined && !this.link(link)) refuse('ENOENT', `there is no ${path}`)
    return this.sysctls.read(path)
  }

  /** As the kernel does, tells nobody. */
  writeSysctl(path: string, value: string): void {
    this.readSysctl(path)
    this.sysctls.write(path, value)
    this.modifications += 1
  }

  readTxChecksum(link: string): boolean {
    this.needLink(link)
    return !this.summing.has(link)
  }

  /** The link tells of it. */
  writeTxChecksum(link: string, txChecksum: boolean): void {
    this.needLink(link)
    this.modifications += 1
    if (txChecksum) this.summing.delete(link)
    else this.summing.add(link)
    this.emit({ event: 'set', observed: { entry: { kind: 'offload', link, txChecksum }, mark: 'foreign' } })
  }

  /** `before`: the object in whose place it comes. */
  put(observed: ObservedEntry, before?: ObservedEntry): void {
    this.modifications += 1
    this.objects.add(observed, before)
    if (isSilent(observed.entry)) return
    const beside = isShared(observed.entry) && before === undefined ? { beside: true } : {}
    this.emit({ event: 'set', observed, ...beside })
  }

  drop(observed: ObservedEntry): void {
    const { entry, mark } = observed
    const key = entryKey(entry)
    this.modifications += 1
    this.objects.remove(observed)
    if (isSilent(entry)) return
    const left = this.objects.all(key).find(other => other.mark === mark)
    if (left !== undefined) this.emit({ event: 'set', observed: left, beside: true })
    else this.emit({ event: 'gone', key, ...(isShared(entry) ? { mark } : {}) })
    if (entry.kind === 'link' || entry.kind === 'nft-table') this.emit({ event: 'parent-gone', parent: key })
  }

  /** Whoever listens cannot follow what happened: it must observe again. */
  tellHole(why: string): void {
    this.emit({ event: 'resync', why })
  }

  /** The namespace of a descriptor that a `FakeKernel` gave out. */
  namespaceOf(descriptor: number): FakeNamespace | undefined {
    return this.network.namespace(descriptor)
  }

  private emit(event: KernelEvent): void {
    for (const listener of this.listeners) listener(event)
  }
}

/** Kinds of which several objects can have one key. */
function isShared({ kind }: Entry): boolean {
  return kind === 'route' || kind === 'rule'
}

/** Kinds of whose changes the kernel tells nobody; who makes them knows. */
export function isSilent({ kind }: Entry): boolean {
  return kind === 'wireguard' || kind === 'wireguard-peer'
}

/** What a new namespace has: `lo`, which is down, and the rules that name the three tables. */
function atBirth(): Entry[] {
  return [
    {
      kind: 'link',
      type: 'device',
      name: 'lo',
      claim: 'use',
      owner: '',
      up: false,
      mtu: 65536,
      mac: '00:00:00:00:00:00',
      promisc: false,
      allmulticast: false,
      txQueueLength: 1000,
    },
    ruleOf(4, 0, 255),
    ruleOf(4, 32766, 254),
    ruleOf(4, 32767, 253),
    ruleOf(6, 0, 255),
    ruleOf(6, 32766, 254),
  ]
}

function ruleOf(family: 4 | 6, priority: number, table: number): Entry {
  return { kind: 'rule', family, priority, table }
}
