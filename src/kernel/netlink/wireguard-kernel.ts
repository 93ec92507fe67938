import { hasCode, settle } from '../../base/index.ts'
import {
  decodeFamily,
  decodeWireguardPart,
  type GenericFamily,
  getFamily,
  getWireguardDevice,
  joinWireguardDevice,
  NetlinkClient,
  type NetlinkError,
  type Request,
  setWireguardDevice,
  WIREGUARD_FAMILY,
  type WireguardEndpoint,
} from '../../netlink/index.ts'
import type { NetlinkTransport } from '../../sys/index.ts'
import { entryKey, type WireguardEntry, type WireguardPeerEntry } from '../entry.ts'
import type { KernelEvent, ObservedEntry, Operation } from '../operation.ts'
import type { WireguardSecrets } from '../wireguard-secrets.ts'
import { observedWireguard, SecretMissing, wireguardPeerSpec, wireguardSpec } from './codecs/wireguard.ts'
import { type Failure, invalid, refusal, refusalOf } from './refusals.ts'

/** What it takes to set up WireGuard in a namespace. */
export interface WireguardAccess {
  /** Opens a generic netlink socket in the namespace; asked when a link of that type is there. */
  readonly openGeneric: () => NetlinkTransport
  readonly secrets: WireguardSecrets
}

/** An operation of these two kinds, and the index of its link. */
export interface WireguardOperation {
  readonly operation: Operation
  readonly entry: WireguardEntry | WireguardPeerEntry
  readonly linkIndex: number
}

export interface WireguardOutcome {
  readonly failures: ReadonlyMap<Operation, Failure>
  /** What was done: the kernel tells nobody. */
  readonly events: readonly KernelEvent[]
}

/** Entries between two breaths of the event loop: each may have a key of which a fingerprint is made. */
const BREATH = 50

/** Devices and peers of WireGuard in one namespace. */
export class WireguardKernel {
  private readonly access: WireguardAccess | undefined
  private opened: NetlinkClient | undefined
  /** By key of the peer: the endpoint that was set last. One that the kernel has found since is no drift. */
  private readonly endpoints = new Map<string, WireguardEndpoint>()

  /** Without access nothing is seen of what such links are set up with, and nothing can be set up. */
  constructor(access: WireguardAccess | undefined) {
    this.access = access
  }

  /** @param linkIndexes of all links of type wireguard */
  async observe(linkIndexes: readonly number[]): Promise<ObservedEntry[]> {
    if (linkIndexes.length === 0 || this.access === undefined) return []
    const client = this.client(this.access)
    const family = await lookUp(client)
    const observed: ObservedEntry[] = []
    for (const linkIndex of linkIndexes) {
      try {
        const parts: ReturnType<typeof decodeWireguardPart>[] = []
        for (const message of await client.dump(getWireguardDevice(family, linkIndex))) {
          await settle()
          parts.push(decodeWireguardPart(message))
        }
        for (const item of observedWireguard(joinWireguardDevice(parts))) {
          if (observed.push(this.asSet(item)) % BREATH === 0) await settle()
        }
      } catch (error) {
        // It went meanwhile, with its peers.
        if (!hasCode(error, 'netlink.enodev')) throw error
      }
    }
    return observed
  }

  /** Some at a time, with breaths of the event loop between. */
  async *apply(items: readonly WireguardOperation[]): AsyncIterable<WireguardOutcome> {
    const { access } = this
    if (access === undefined) return yield refuseAll(items)
    for (let at = 0; at < items.length; at += BREATH) {
      yield await this.applySome(items.slice(at, at + BREATH), access)
      await settle()
    }
  }

  close(): void {
    this.opened?.close()
  }

  private async applySome(
    items: readonly WireguardOperation[],
    access: WireguardAccess,
  ): Promise<WireguardOutcome> {
    const failures = new Map<Operation, Failure>()
    const client = this.client(access)
    try {
      const family = await lookUp(client)
      const requests = items.flatMap(item => requestsOf(family, item, access.secrets, failures))
      const replies = await client.send(requests.map(({ request }) => request))
      replies.forEach((reply, i) => {
        const operation = requests[i]?.operation
        if (!reply.ok && operation !== undefined) note(failures, operation, reply.error)
      })
    } catch (error) {
      if (!isNetlinkError(error)) throw error
      for (const { operation } of items) note(failures, operation, error)
    }
    return {
      failures,
      events: items.filter(({ operation }) => !failures.has(operation)).map(item => this.learn(item)),
    }
  }

  private client({ openGeneric }: WireguardAccess): NetlinkClient {
    this.opened ??= new NetlinkClient(openGeneric())
    return this.opened
  }

  private learn({ operation: { op, before }, entry }: WireguardOperation): KernelEvent {
    const key = entryKey(entry)
    if (op === 'delete') {
      this.endpoints.delete(key)
      return { event: 'gone', key }
    }
    if (entry.kind === 'wireguard') return { event: 'set', observed: { entry, mark: 'foreign' } }
    const known = before?.kind === 'wireguard-peer' ? before.endpoint : undefined
    const endpoint = entry.endpoint ?? known
    if (entry.endpoint !== undefined) this.endpoints.set(key, entry.endpoint)
    const observed: WireguardPeerEntry = { ...entry, ...(endpoint === undefined ? {} : { endpoint }) }
    return { event: 'set', observed: { entry: observed, mark: 'foreign' } }
  }

  /** With the endpoint that was set, wherever the peer is by now; one without any has lost it, which is drift. */
  private asSet(item: ObservedEntry): ObservedEntry {
    const endpoint = this.endpoints.get(entryKey(item.entry))
    if (item.entry.kind !== 'wireguard-peer' || item.entry.endpoint === undefined || endpoint === undefined)
      return item
    return { ...item, entry: { ...item.entry, endpoint } }
  }
}

const NO_ACCESS = 'this program was given no way to set up WireGuard in this namespace'

function refuseAll(items: readonly WireguardOperation[]): WireguardOutcome {
  const failures = new Map<Operation, Failure>()
  for (const { operation } of items)
    failures.set(operation, refusal(operation, 'kernel.unsupported', NO_ACCESS))
  return { failures, events: [] }
}

/** Each time: a module that is loaded again has another number. @throws NetlinkError ENOENT without the module */
async function lookUp(client: NetlinkClient): Promise<GenericFamily> {
  const [reply] = await client.send([getFamily(WIREGUARD_FAMILY)])
  if (reply?.ok === false) throw reply.error
  const [message] = reply?.messages ?? []
  if (message === undefined) throw new TypeError('the look-up of a family was answered by nothing')
  return decodeFamily(message)
}

interface Sent {
  readonly operation: Operation
  readonly request: Request
}

function requestsOf(
  family: GenericFamily,
  { operation, entry, linkIndex }: WireguardOperation,
  secrets: WireguardSecrets,
  failures: Map<Operation, Failure>,
): Sent[] {
  try {
    const spec =
      entry.kind === 'wireguard'
        ? wireguardSpec(operation, entry, secrets)
        : { peers: [wireguardPeerSpec(operation, entry, secrets)] }
    return setWireguardDevice(family, { linkIndex, ...spec }).map(request => ({ operation, request }))
  } catch (error) {
    if (error instanceof SecretMissing)
      failures.set(operation, refusal(operation, 'kernel.refused', error.message))
    // A value that no message can hold is this entry's failure, not the plan's.
    else if (hasCode(error, 'ip') || hasCode(error, 'netlink.invalid-value'))
      failures.set(operation, invalid(operation, error))
    else throw error
    return []
  }
}

function note(failures: Map<Operation, Failure>, operation: Operation, error: NetlinkError): void {
  const failure = refusalOf(operation, error)
  if (failure !== undefined && !failures.has(operation)) failures.set(operation, failure)
}

function isNetlinkError(error: unknown): error is NetlinkError {
  return hasCode(error, 'netlink')
}
