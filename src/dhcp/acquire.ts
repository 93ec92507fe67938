import { type Clock, sleep } from '../base/index.ts'
import { DHCP_OPTION, type DhcpMessage, readAddress, readText } from '../packet/index.ts'
import { type Conversation, toAll, toServer } from './conversation.ts'
import { type Lease, leaseOf } from './lease.ts'
import { type Client, discover, hostOf, renew, select } from './messages.ts'

/** What a server gave. */
export interface Acquired {
  readonly lease: Lease
  readonly message: DhcpMessage
}

/** No lease, and why, in words. */
export interface Failure {
  readonly why: string
  /** Nobody said anything. */
  readonly silent: boolean
}

export interface AskingOptions {
  readonly clock: Clock
  readonly random: () => number
  /** How long an answer to one request is waited for. */
  readonly timeoutMs: number
}

export interface AcquireOptions extends AskingOptions {
  /** How long a server that offers and then does not give is tried. */
  readonly totalMs: number
  readonly signal: AbortSignal
}

/** A server that refuses what it has just offered is not asked again at once. */
const PAUSE_MS = 1_000

/** From nothing to a lease (RFC 2131, section 3.1), whatever the address; `wanted` is one it would like to have. */
export async function acquire(
  conversation: Conversation,
  client: Client,
  options: AcquireOptions,
  wanted?: string,
): Promise<Acquired | Failure> {
  const { clock, signal, totalMs } = options
  const endMs = clock.nowMs() + totalMs
  for (;;) {
    const outcome = await acquireOnce(conversation, client, options, discover(client, wanted))
    if ('lease' in outcome || outcome.silent) return outcome
    if (clock.nowMs() + PAUSE_MS >= endMs || signal.aborted) return outcome
    await sleep(clock, PAUSE_MS, signal)
  }
}

/** Back to an address that is borne already, and no other: one attempt. */
export function regain(
  conversation: Conversation,
  client: Client,
  options: AskingOptions,
  lost: Lease,
): Promise<Acquired | Failure> {
  const address = hostOf(lost)
  // Sent from the address: what watches over the pod lets no other pass.
  return acquireOnce(conversation, client, options, discover(client, address), address)
}

async function acquireOnce(
  conversation: Conversation,
  client: Client,
  { clock, random, timeoutMs }: AskingOptions,
  draft: ReturnType<typeof discover>,
  only?: string,
): Promise<Acquired | Failure> {
  const route = toAll(only)
  const readOffer = leaseReader(clock, random)
  let other: string | undefined
  const offered = await conversation.ask(draft, route, clock.nowMs() + timeoutMs, (message, fromMac) => {
    if (message.type !== 'offer') return undefined
    if (only === undefined || message.yourAddress === only) return readOffer(message, fromMac)
    other = message.yourAddress
    return 'with another address'
  })
  if (offered === undefined) {
    const why = other === undefined ? 'no DHCP server answered' : `a DHCP server offered ${other} instead`
    return { why, silent: other === undefined }
  }
  const request = select(client, offered.lease)
  const readAck = leaseReader(clock, random)
  const given = await conversation.ask(request, route, clock.nowMs() + timeoutMs, (message, fromMac) =>
    verdict(message, offered.lease, () => readAck(message, fromMac)),
  )
  const { server, address } = offered.lease
  if (given !== undefined) return given
  return { why: `DHCP server ${server} offered ${address} and then did not answer`, silent: false }
}

/** Prolongs a lease: undefined if nobody answered. @param untilMs no later than the state of the lease changes */
export function extend(
  conversation: Conversation,
  client: Client,
  { clock, random }: AskingOptions,
  lease: Lease,
  { state, untilMs }: { readonly state: 'renewing' | 'rebinding'; readonly untilMs: number },
): Promise<Acquired | Failure | undefined> {
  const read = leaseReader(clock, random)
  const route = state === 'renewing' ? toServer(lease) : toAll(hostOf(lease))
  return conversation.ask(renew(client, lease), route, untilMs, (message, fromMac) => {
    const server = state === 'renewing' ? lease : undefined
    return verdict(message, server, () => {
      if (message.yourAddress === hostOf(lease)) return read(message, fromMac)
      return { why: `a DHCP server gave ${message.yourAddress} instead of ${lease.address}`, silent: false }
    })
  })
}

/**
 * Reads promises in answer to what is sent from now on: which of several sendings one answers is not known, and with the
 * first a lease ends no later for us than for the server.
 */
function leaseReader(clock: Clock, random: () => number) {
  const sentMs = clock.nowMs()
  return (message: DhcpMessage, fromMac: string): Acquired | string => {
    const lease = leaseOf(message, fromMac, sentMs, random)
    return typeof lease === 'string' ? lease : { lease, message }
  }
}

/** An ACK or NAK, of this server if one is given. */
function verdict<T>(
  { type, options }: DhcpMessage,
  from: Lease | undefined,
  onAck: () => T,
): T | Failure | string | undefined {
  if (type !== 'ack' && type !== 'nak') return undefined
  const server = readAddress(options.get(DHCP_OPTION.serverIdentifier))
  if (from !== undefined && server !== from.server) return 'of another server'
  if (type === 'ack') return onAck()
  const words = readText(options.get(DHCP_OPTION.message))
  const said = words === undefined ? '' : `: ${JSON.stringify(words.slice(0, 200))}`
  return { why: `DHCP server ${server ?? 'of no name'} refused${said}`, silent: false }
}
