import { systemClock } from '../../src/base/index.ts'
import { type Family, familyOf } from '../../src/ip/index.ts'
import { Pinger } from '../../src/probe/index.ts'
import { DatagramSocket, type Netns, socketIn } from '../../src/sys/index.ts'
import { eventually } from './agent-nodes.ts'

/** linux/in.h and linux/in6.h: IPPROTO_ICMP, IPPROTO_ICMPV6. */
const SOCKETS = { 4: ['inet', 1], 6: ['inet6', 58] } as const

/** @param identifier another one for each pinger of a namespace: a raw socket hears the answers to all of them */
export function openPinger(from: Netns, family: Family, identifier: number): Pinger {
  const [domain, protocol] = SOCKETS[family]
  const channel = DatagramSocket.icmp(socketIn(from, domain, 'raw', protocol))
  return new Pinger({ channel, family, clock: systemClock, identifier })
}

/** `ok`, or in words why there was no answer within half a second. */
export async function ping(from: Netns, address: string): Promise<string> {
  const pinger = openPinger(from, familyOf(address), 7)
  try {
    const outcome = await pinger.ping(address, { timeoutMs: 500 })
    return outcome.ok ? 'ok' : outcome.reason
  } finally {
    pinger.close()
  }
}

/** Each of these answers, at the latest when duplicate address detection is over. */
export async function reaches(from: Netns, targets: readonly string[]): Promise<void> {
  for (const target of targets) {
    await eventually(`an answer of ${target}`, async () => (await ping(from, target)) === 'ok' || undefined)
  }
}
