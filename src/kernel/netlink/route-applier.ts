import { errnoName, hasCode, settle } from '../../base/index.ts'
import {
  addLink,
  decodeLink,
  decodeNeighbour,
  getLink,
  type Link,
  listNeighbours,
  type Message,
  type NetlinkClient,
  type Request,
  replaceNeighbour,
  setLink,
} from '../../netlink/index.ts'
import { type Entry, entryKey, type LinkEntry, type NeighbourEntry } from '../entry.ts'
import { kernelError } from '../errors.ts'
import { linkOfSysctl } from '../kinds/sysctl.ts'
import type { ApplyContext, Operation } from '../operation.ts'
import { addressRequests } from './codecs/address.ts'
import { fdbRequests } from './codecs/fdb.ts'
import { afterCreation, linkChanges, linkSpec, linksNeeded } from './codecs/link.ts'
import { neighbourRequests } from './codecs/neighbour.ts'
import { routeRequests } from './codecs/route.ts'
import { ruleRequests } from './codecs/rule.ts'
import { deleteLinks } from './link-deletion.ts'
import type { LinkTable } from './link-table.ts'
import { type Failure, invalid, linkMissing, namespaceNeeded, refusalOf } from './refusals.ts'

/** Messages between two breaths of the event loop: a few milliseconds of kernel time. */
const CHUNK = 100

interface Pending {
  readonly operation: Operation
  readonly request: Request
}

export interface RouteApplierOptions {
  readonly client: NetlinkClient
  readonly links: LinkTable
  readonly failures: Map<Operation, Failure>
  readonly context: ApplyContext | undefined
  /** Folds what events have queued up meanwhile. */
  readonly catchUp: () => Promise<void>
  readonly createTun: (name: string) => void
  /** Told of a link that was changed without an event; absent where nobody watches. */
  readonly onLink?: (link: Link) => void
}

/**
 * Carries out rtnetlink operations of one plan: encodes them in order and sends as many at once as can be, which is
 * up to the next one that needs an answer first (a new link's index, or whether a link could be made at all).
 */
export class RouteApplier {
  private readonly options: RouteApplierOptions
  private pending: Pending[] = []
  /** Deletions of links that are put off until something else comes, to be carried out together. */
  private doomed: Operation[] = []
  private readonly unresolved = new Set<string>()
  private readonly changedLinks = new Set<string>()
  /** Links of this plan that could not be made: one of that name is somebody else's, and nothing is done to it. */
  private readonly unmade = new Set<string>()

  constructor(options: RouteApplierOptions) {
    this.options = options
  }

  /** Looks up, in one exchange, the links that the operations name and that are not known. */
  async prepare(operations: readonly Operation[]): Promise<void> {
    const own = new Set<string>()
    for (const { op, entry } of operations) {
      if (op === 'create' && entry.kind === 'link') own.add(entry.name)
      for (const name of namesIn(entry)) if (!own.has(name)) this.unresolved.add(name)
    }
    for (const name of this.unresolved) {
      if (this.options.links.indexOf(name) !== undefined) this.unresolved.delete(name)
    }
    await this.resolve()
  }

  async add(operation: Operation, upNow: boolean): Promise<void> {
    const { entry } = operation
    const deletesLink = operation.op === 'delete' && entry.kind === 'link'
    if (!deletesLink && this.doomed.length > 0) await this.flush()
    try {
      if (deletesLink) this.doomed.push(operation)
      else if (entry.kind === 'link') await this.addLinkOperation(operation, entry, upNow)
      else await this.addObject(operation, entry)
    } catch (error) {
      // A value that no message can hold is this entry's failure, not the plan's.
      if (!hasCode(error, 'ip') && !hasCode(error, 'netlink.invalid-value')) throw error
      this.fail(operation, invalid(operation, error))
    }
    if (this.pending.length >= CHUNK) {
      await this.flush()
      await settle()
    }
  }

  /** True if a setting of a link must be left alone, since the link of that name is not the one meant. */
  refuses(operation: Operation): boolean {
    const { entry } = operation
    const link = entry.kind === 'sysctl' ? linkOfSysctl(entry.path) : undefined
    if (link === undefined || !this.unmade.has(link)) return false
    this.fail(operation, linkMissing(operation, link))
    return true
  }

  /** Sets a link up whose turn was put off. */
  setUp(operation: Operation): void {
    const { entry } = operation
    if (entry.kind !== 'link' || this.options.failures.has(operation)) return
    this.queueLink(operation, entry, [setLink({ name: entry.name }, { up: true })])
  }

  /** Tells listeners of everything that was done; to be called when all is sent. */
  async learn(): Promise<void> {
    await this.options.catchUp()
    await this.lookAtLinks()
  }

  /** Sends what waits. Then it is known what came of it. */
  async flush(): Promise<void> {
    await this.sendPending()
    const { doomed } = this
    if (doomed.length === 0) return
    this.doomed = []
    const { client, links, failures, catchUp } = this.options
    // By index: another link may bear the name by the time these are gone.
    const indexes = doomed.map(({ entry }) => (entry.kind === 'link' ? links.indexOf(entry.name) : undefined))
    for (const [operation, failure] of await deleteLinks(client, links, doomed)) this.fail(operation, failure)
    await catchUp()
    for (const [n, operation] of doomed.entries()) {
      const index = indexes[n]
      if (index !== undefined && !failures.has(operation)) links.delete(index)
    }
  }

  private async sendPending(): Promise<void> {
    const sent = this.pending
    if (sent.length === 0) return
    this.pending = []
    const replies = await this.options.client.send(sent.map(({ request }) => request))
    const taken: Pending[] = []
    replies.forEach((reply, i) => {
      const item = sent[i]
      if (item === undefined) return
      if (reply.ok) this.tellOfPeer(item.operation, reply.messages)
      else if (isTakenNeighbour(item, reply.error.payload.errno)) taken.push(item)
      else this.fail(item.operation, refusalOf(item.operation, reply.error))
    })
    if (taken.length > 0) await this.replaceLearned(taken)
  }

  /** Of a veth's other end nobody else tells. */
  private tellOfPeer({ op, entry }: Operation, messages: readonly Message[]): void {
    if (op !== 'create' || entry.kind !== 'link' || entry.type !== 'veth') return
    const { name, netns } = entry.peer
    const namespace = this.options.context?.namespaces.get(netns)
    for (const message of messages) {
      const { parentIndex } = decodeLink(message)
      if (parentIndex !== undefined) namespace?.onLink?.(name, parentIndex)
    }
  }

  /**
   * Of a link that is down the kernel announces no new alias (netdev_state_change), and the next operations want the
   * index. Asked when the events so far are folded: what they tell later is not older than this.
   */
  private async lookAtLinks(): Promise<void> {
    const { client, links, onLink } = this.options
    const names = [...this.changedLinks].filter(name => links.get(links.indexOf(name) ?? 0)?.up !== true)
    this.changedLinks.clear()
    if (names.length === 0 || onLink === undefined) return
    for (const reply of await client.send(names.map(name => getLink({ name })))) {
      if (reply.ok) for (const message of reply.messages) onLink(decodeLink(message))
    }
  }

  private async addObject(operation: Operation, entry: Exclude<Entry, LinkEntry>): Promise<void> {
    switch (entry.kind) {
      case 'rule':
        return this.queue(operation, ruleRequests(operation, entry))
      case 'route': {
        if (entry.link === undefined) return this.queue(operation, routeRequests(operation, entry, 0))
        const index = await this.indexOf(operation, entry.link)
        return index === undefined ? undefined : this.queue(operation, routeRequests(operation, entry, index))
      }
      case 'address':
      case 'neighbour':
      case 'fdb': {
        const index = await this.indexOf(operation, entry.link)
        return index === undefined ? undefined : this.queue(operation, onLink(operation, entry, index))
      }
      default:
        throw new TypeError(`a ${entry.kind} is not rtnetlink's`)
    }
  }

  private async addLinkOperation(operation: Operation, link: LinkEntry, upNow: boolean): Promise<void> {
    const { links } = this.options
    for (const name of linksNeeded(link)) {
      if ((await this.indexOf(operation, name)) !== undefined) continue
      if (operation.op === 'create') this.unmade.add(link.name)
      return
    }
    if (operation.op === 'create') return this.createLink(operation, link, upNow)
    const before = operation.before?.kind === 'link' ? operation.before : undefined
    if (operation.op === 'adopt') {
      const adopted: LinkEntry = {
        kind: 'link',
        type: 'device',
        name: link.name,
        claim: 'own',
        owner: link.owner,
      }
      return this.queueLink(operation, link, linkChanges(adopted, before, links))
    }
    const requests = linkChanges(link, before, links)
    const goesUp = link.up === true && before?.up !== true && upNow
    const goesDown = link.up === false && before?.up !== false
    if (goesUp || goesDown) requests.push(setLink({ name: link.name }, { up: goesUp }))
    this.queueLink(operation, link, requests)
  }

  private queueLink(operation: Operation, { name }: LinkEntry, requests: readonly Request[]): void {
    this.queue(operation, requests)
    this.changedLinks.add(name)
  }

  /** What follows a creation is sent only if it succeeded: it must not hit a foreign link of the same name. */
  private async createLink(operation: Operation, link: LinkEntry, upNow: boolean): Promise<void> {
    const { links, context, createTun } = this.options
    const namespace = link.type === 'veth' ? context?.namespaces.get(link.peer.netns) : undefined
    if (link.type === 'veth' && namespace === undefined) {
      this.unmade.add(link.name)
      return this.fail(operation, namespaceNeeded(link))
    }
    await this.flush()
    const up = link.up === true && upNow
    const upAtOnce = up && link.bridgePort === undefined && link.type !== 'tun'
    if (link.type === 'tun') this.makeTun(operation, link, createTun)
    else {
      const spec = linkSpec(link, links, namespace, upAtOnce)
      this.queue(operation, [addLink(spec, { echo: link.type === 'veth' })])
    }
    await this.flush()
    if (this.options.failures.has(operation)) {
      this.unmade.add(link.name)
      return
    }
    const requests = link.type === 'tun' ? linkChanges({ ...link, claim: 'use' }, undefined, links) : []
    requests.push(...afterCreation(link))
    if (up && !upAtOnce) requests.push(setLink({ name: link.name }, { up: true }))
    this.queueLink(operation, link, requests)
  }

  private makeTun(operation: Operation, link: LinkEntry, createTun: (name: string) => void): void {
    const key = entryKey(link)
    try {
      createTun(link.name)
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error)
      this.fail(operation, kernelError(`create ${key}`, message, { code: 'kernel.refused', key }, error))
    }
  }

  private async indexOf(operation: Operation, name: string): Promise<number | undefined> {
    const { links } = this.options
    if (this.unmade.has(name)) {
      this.fail(operation, linkMissing(operation, name))
      return undefined
    }
    if (links.indexOf(name) === undefined) {
      // A link of this very plan: what makes it must be sent first, and an event tells its index.
      await this.flush()
      await this.options.catchUp()
      if (links.indexOf(name) === undefined) {
        this.unresolved.add(name)
        await this.resolve()
      }
    }
    const index = links.indexOf(name)
    if (index === undefined) this.fail(operation, linkMissing(operation, name))
    return index
  }

  private async resolve(): Promise<void> {
    const { client, links } = this.options
    const names = [...this.unresolved].filter(name => links.indexOf(name) === undefined)
    this.unresolved.clear()
    if (names.length === 0) return
    const replies = await client.send(names.map(name => getLink({ name })))
    for (const reply of replies) {
      if (reply.ok) for (const message of reply.messages) links.set(decodeLink(message))
    }
  }

  /** EEXIST for a neighbour that the kernel has merely learned: that one is nobody's. */
  private async replaceLearned(taken: readonly Pending[]): Promise<void> {
    const { client, links } = this.options
    const permanent = new Set<string>()
    const indexes = new Set(taken.map(({ operation }) => neighbourIndex(operation, links)))
    for (const linkIndex of indexes) {
      for (const message of await client.dump(listNeighbours({ linkIndex }))) {
        const { address, state } = decodeNeighbour(message)
        if (state === 'permanent') permanent.add(`${linkIndex} ${address}`)
      }
    }
    const retries: Pending[] = []
    for (const item of taken) {
      const { operation } = item
      const linkIndex = neighbourIndex(operation, links)
      if (operation.entry.kind !== 'neighbour') continue
      const foreign = permanent.has(`${linkIndex} ${operation.entry.address}`)
      retries.push(foreign ? item : { operation, request: replaceOf(operation, operation.entry, linkIndex) })
    }
    const replies = await client.send(retries.map(({ request }) => request))
    replies.forEach((reply, i) => {
      const operation = retries[i]?.operation
      if (operation !== undefined && !reply.ok) this.fail(operation, refusalOf(operation, reply.error))
    })
  }

  private queue(operation: Operation, requests: readonly Request[]): void {
    for (const request of requests) this.pending.push({ operation, request })
  }

  private fail(operation: Operation, failure: Failure | undefined): void {
    if (failure !== undefined && !this.options.failures.has(operation)) {
      this.options.failures.set(operation, failure)
    }
  }
}

/** Links that an operation's messages refer to by index. */
function namesIn(entry: Entry): readonly string[] {
  if (entry.kind === 'link') return linksNeeded(entry)
  if (entry.kind === 'sysctl' || !('link' in entry) || entry.link === undefined) return []
  return [entry.link]
}

function onLink(
  operation: Operation,
  entry: Extract<Entry, { kind: 'address' | 'neighbour' | 'fdb' }>,
  index: number,
): Request[] {
  switch (entry.kind) {
    case 'address':
      return addressRequests(operation, entry, index)
    case 'neighbour':
      return neighbourRequests(operation, entry, index)
    case 'fdb':
      return fdbRequests(operation, entry, index)
  }
}

function isTakenNeighbour({ operation }: Pending, errno: number): boolean {
  return operation.op === 'create' && operation.entry.kind === 'neighbour' && errnoName(errno) === 'EEXIST'
}

function neighbourIndex({ entry }: Operation, links: LinkTable): number {
  return entry.kind === 'neighbour' ? (links.indexOf(entry.link) ?? 0) : 0
}

function replaceOf(operation: Operation, entry: NeighbourEntry, linkIndex: number): Request {
  const [request] = neighbourRequests({ ...operation, op: 'change' }, entry, linkIndex)
  return request ?? replaceNeighbour({ linkIndex, address: entry.address })
}
