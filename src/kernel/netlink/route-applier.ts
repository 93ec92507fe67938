import { errnoName, hasCode, settle } from '../../base/index.ts'
import {
  decodeLink,
  decodeNeighbour,
  getLink,
  type Link,
  listNeighbours,
  type Request,
  replaceNeighbour,
  setLink,
} from '../../netlink/index.ts'
import type { BridgeVlan, Entry, LinkEntry, NeighbourEntry } from '../entry.ts'
import { isMoved, linksNeeded } from '../kinds/link.ts'
import { isSetting, linkOfSetting } from '../kinds/setting.ts'
import { vlansWanted } from '../kinds/vlans.ts'
import type { Operation } from '../operation.ts'
import { addressRequests } from './codecs/address.ts'
import { fdbRequests } from './codecs/fdb.ts'
import { afterCreation, canBeBornUp, linkChanges } from './codecs/link.ts'
import { neighbourRequests } from './codecs/neighbour.ts'
import { qdiscRequests } from './codecs/qdisc.ts'
import { redirectRequests } from './codecs/redirect.ts'
import { routeRequests } from './codecs/route.ts'
import { ruleRequests } from './codecs/rule.ts'
import { vlanRequests } from './codecs/vlans.ts'
import { giveBack } from './device-moves.ts'
import { type CreationOptions, createLink } from './link-creation.ts'
import { deleteLinks } from './link-deletion.ts'
import { ask, linksIn, readVlans } from './link-exchange.ts'
import type { LinkTable } from './link-table.ts'
import { type Failure, invalid, linkMissing, refusalOf } from './refusals.ts'

/** Messages between two breaths of the event loop: a few milliseconds of kernel time. */
const CHUNK = 100

interface Pending {
  readonly operation: Operation
  readonly request: Request
}

export interface RouteApplierOptions extends CreationOptions {
  readonly failures: Map<Operation, Failure>
  /** Folds what events have queued up meanwhile. */
  readonly catchUp: () => Promise<void>
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
  /** Links of which something was learned that no event tells. */
  private readonly toldLinks = new Set<string>()
  /** Links of this plan that could not be made: one of that name is somebody else's, and nothing is done to it. */
  private readonly unmade = new Set<string>()

  constructor(options: RouteApplierOptions) {
    this.options = options
  }

  /** Looks up, in one exchange, the links that the operations name and that are not known. */
  prepare(operations: readonly Operation[]): Promise<void> | undefined {
    const { links } = this.options
    const own = new Set<string>()
    for (const operation of operations) {
      const { op, entry } = operation
      if (op === 'create' && entry.kind === 'link') own.add(entry.name)
      for (const name of namesIn(operation)) {
        if (!own.has(name) && links.indexOf(name) === undefined) this.unresolved.add(name)
      }
    }
    return this.unresolved.size > 0 ? this.resolve() : undefined
  }

  async add(operation: Operation, upNow: boolean): Promise<void> {
    const { entry } = operation
    const deletesLink = operation.op === 'delete' && entry.kind === 'link' && !isMoved(entry)
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
    const link = isSetting(entry) ? linkOfSetting(entry) : undefined
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
    if (this.pending.length > 0) await this.sendPending()
    if (this.doomed.length > 0) await this.deleteDoomed()
  }

  private async deleteDoomed(): Promise<void> {
    const { doomed } = this
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
    this.pending = []
    const replies = await this.options.client.send(sent.map(({ request }) => request))
    const taken: Pending[] = []
    replies.forEach((reply, i) => {
      const item = sent[i]
      if (item === undefined) return
      if (reply.ok) return
      if (isTakenNeighbour(item, reply.error.payload.errno)) taken.push(item)
      else this.fail(item.operation, refusalOf(item.operation, reply.error))
    })
    if (taken.length > 0) await this.replaceLearned(taken)
  }

  /**
   * Of a link that is down the kernel announces no new alias (netdev_state_change), and the next operations want the
   * index. Asked when the events so far are folded: what they tell later is not older than this.
   */
  private async lookAtLinks(): Promise<void> {
    const { client, links, onLink } = this.options
    const names = new Set(this.toldLinks)
    for (const name of this.changedLinks) {
      if (links.get(links.indexOf(name) ?? 0)?.up !== true) names.add(name)
    }
    this.changedLinks.clear()
    this.toldLinks.clear()
    if (names.size === 0 || onLink === undefined) return
    for (const reply of await client.send([...names].map(name => getLink({ name })))) {
      if (reply.ok) for (const message of reply.messages) onLink(decodeLink(message))
    }
  }

  private async addObject(operation: Operation, entry: Exclude<Entry, LinkEntry>): Promise<void> {
    const indexes: number[] = []
    for (const name of namesIn(operation)) {
      const index = this.knownIndex(name) ?? (await this.indexOf(operation, name))
      if (index === undefined) return
      indexes.push(index)
    }
    this.queue(operation, objectRequests(operation, entry, indexes))
  }

  private async addLinkOperation(operation: Operation, link: LinkEntry, upNow: boolean): Promise<void> {
    const { links } = this.options
    if (operation.op === 'delete' && isMoved(link)) {
      await this.flush()
      return this.fail(operation, await giveBack(this.options, operation, link))
    }
    for (const name of linksNeeded(link)) {
      if ((this.knownIndex(name) ?? (await this.indexOf(operation, name))) !== undefined) continue
      if (operation.op === 'create') this.unmade.add(link.name)
      return
    }
    if (operation.op === 'create') return this.createLink(operation, link, upNow)
    const before = operation.before?.kind === 'link' ? operation.before : links.birthOf(link.name)
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
    this.queueLink(operation, link, linkChanges(link, before, links))
    const vlans = vlansWanted(link)
    if (vlans !== undefined) await this.setVlans(operation, link, vlans)
    const goesUp = link.up === true && before?.up !== true && upNow
    const goesDown = link.up === false && before?.up !== false
    if (goesUp || goesDown) this.queue(operation, [setLink({ name: link.name }, { up: goesUp })])
  }

  private queueLink(operation: Operation, { name }: LinkEntry, requests: readonly Request[]): void {
    this.queue(operation, requests)
    this.changedLinks.add(name)
  }

  /** What follows a creation is sent only if it succeeded: it must not hit a foreign link of the same name. */
  private async createLink(operation: Operation, link: LinkEntry, upNow: boolean): Promise<void> {
    if (this.pending.length > 0) await this.flush()
    const up = link.up === true && upNow
    const upAtOnce = up && canBeBornUp(link)
    const failure = await createLink(this.options, operation, link, upAtOnce)
    if (failure !== undefined) {
      this.unmade.add(link.name)
      return this.fail(operation, failure)
    }
    this.queueLink(operation, link, afterCreation(link, this.options.links))
    const vlans = vlansWanted(link)
    if (vlans !== undefined) await this.setVlans(operation, link, vlans)
    if (up && !upAtOnce) this.queue(operation, [setLink({ name: link.name }, { up: true })])
  }

  /** Which VLANs a new port has, its bridge decides: they can be looked at when it is one. */
  private async setVlans(
    operation: Operation,
    link: LinkEntry,
    wanted: readonly BridgeVlan[],
  ): Promise<void> {
    const { client, links, catchUp } = this.options
    await this.flush()
    await catchUp()
    const index = await this.indexOf(operation, link.name)
    if (index === undefined) return
    const [now] = linksIn(await ask(client, getLink({ index })))
    if (now === undefined) return
    if (links.vlansOf(now) === undefined) await readVlans(client, links)
    this.toldLinks.add(link.name)
    this.queue(operation, vlanRequests(link, wanted, index, links.vlansOf(now) ?? []))
  }

  /** Of a link that is there already, and no other than the one meant. */
  private knownIndex(name: string): number | undefined {
    return this.unmade.has(name) ? undefined : this.options.links.indexOf(name)
  }

  /** The index of a link, for what other messages say of it; undefined if it has none, which is the operation's failure. */
  async indexOf(operation: Operation, name: string): Promise<number | undefined> {
    const { links } = this.options
    if (this.unmade.has(name)) {
      this.fail(operation, linkMissing(operation, name))
      return undefined
    }
    if (links.indexOf(name) === undefined) {
      // A link of this very plan that was made without being shown (by an old kernel): an event tells its index.
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
function namesIn({ op, entry }: Operation): readonly string[] {
  if (entry.kind === 'link') return linksNeeded(entry)
  if (isSetting(entry) || !('link' in entry) || entry.link === undefined) return []
  return entry.kind === 'redirect' && op !== 'delete' ? [entry.link, entry.to] : [entry.link]
}

/** @param indexes of the links that `namesIn` names */
function objectRequests(
  operation: Operation,
  entry: Exclude<Entry, LinkEntry>,
  [index = 0, to = 0]: readonly number[],
): Request[] {
  switch (entry.kind) {
    case 'rule':
      return ruleRequests(operation, entry)
    case 'route':
      return routeRequests(operation, entry, index)
    case 'address':
      return addressRequests(operation, entry, index)
    case 'neighbour':
      return neighbourRequests(operation, entry, index)
    case 'fdb':
      return fdbRequests(operation, entry, index)
    case 'qdisc':
      return qdiscRequests(operation, entry, index)
    case 'redirect':
      return redirectRequests(operation, index, to)
    default:
      throw new TypeError(`a ${entry.kind} is not rtnetlink's`)
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
