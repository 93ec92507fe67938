import { systemClock } from '../../src/base/index.ts'
import { type Family, familyOf } from '../../src/ip/index.ts'
import { Pinger } from '../../src/probe/index.ts'
import { DatagramSocket, type Netns, socketIn } from '../../src/sys/index.ts'
import { eventually } from './agent-nodes.ts'

/** linux/in.h and linux/in6.h: IPPROTO_ICMP, IPPROTO_ICMPV6. */
const SOCKETS = { 4: ['inet', 1], 6: ['inet6', 58] } as const

/** @param identifier another one for each pinger of a namespace: a raw socket hears the answers to all of them */
export function openPinger(from: Netns, family: Family, identifier: number, dataBytes?: number): Pinger {
  const [domain, protocol] = SOCKETS[family]
  const channel = DatagramSocket.icmp(socketIn(from, domain, 'raw', protocol))
  return new Pinger({
    channel,
    family,
    clock: systemClock,
    identifier,
    ...(dataBytes === undefined ? {} : { dataBytes }),
  })
}

/** IP and ICMP (RFC 791, 792; RFC 8200, 4443), in bytes. */
const HEADERS = { 4: 20 + 8, 6: 40 + 8 } as const

/**
 * `ok`, or in words why there was no answer within half a second.
 *
 * @param packetBytes of the request and its answer, which nobody may fragment
 */
export async function ping(from: Netns, address: string, packetBytes = 84): Promise<string> {
  const family = familyOf(address)
  const pinger = openPinger(from, family, 7, packetBytes - HEADERS[family])
  try {
    const outcome = await pinger.ping(address, { timeoutMs: 500 })
    return outcome.ok ? 'ok' : outcome.reason
  } finally {
    pinger.close()
  }
}

/** Each of these answers, at the latest when duplicate address detection is over. */
export async function reaches(from: Netns, targets: readonly string[], packetBytes?: number): Promise<void> {
  for (const target of targets) {
    const answers = async () => (await ping(from, target, packetBytes)) === 'ok' || undefined
    await eventually(`an answer of ${target}`, answers)
  }
}
