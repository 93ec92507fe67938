import { GATEWAY } from '../../configs.ts'
import { expectThat } from '../../expect.ts'
import type { Namespace } from '../../namespace.ts'
import type { World } from '../../world.ts'

/** Bits a second, bits. */
export const RATE = 200_000
export const BURST = 200_000
export const INGRESS = { ingressRate: RATE, ingressBurst: BURST } as const
export const EGRESS = { egressRate: RATE, egressBurst: BURST } as const

const DATAGRAMS = 1_200
const DATAGRAM_BYTES = 1_000

interface Flood {
  readonly arrived: number
  /** What a shaper may let through in that time, with as much again for headers, queues and a late clock. */
  readonly bound: number
}

async function flood(
  world: World,
  from: Namespace,
  to: Namespace,
  address: string,
  port: number,
): Promise<Flood> {
  const service = await world.serve(to, 'udp', port)
  await world.visit(from, address, port)
  const before = service.sources.length
  const elapsedMs = await world.speaker(from).flood(address, port, DATAGRAM_BYTES, DATAGRAMS)
  const bound = (2 * (BURST + (RATE * elapsedMs) / 1_000)) / 8 / DATAGRAM_BYTES
  return { arrived: service.sources.length - before, bound: Math.ceil(bound) }
}

function expectShaped(what: string, { arrived, bound }: Flood, shaped: boolean): void {
  const some = `${arrived} of ${DATAGRAMS} datagrams`
  if (shaped) expectThat(what, arrived <= bound, `at most ${bound}`, some)
  else expectThat(what, arrived > bound, `more than ${bound}`, some)
}

/** Whether the flood in each direction is held back. */
export async function expectDirections(
  world: World,
  attachment: Awaited<ReturnType<World['attach']>>,
  shaped: { readonly ingress: boolean; readonly egress: boolean },
): Promise<void> {
  const { pod, address } = attachment
  const { network: host } = world.host
  expectShaped('arrivals in the container', await flood(world, host, pod, address, 9000), shaped.ingress)
  expectShaped(
    'arrivals from the container',
    await flood(world, pod, host, GATEWAY.ipv4, 9001),
    shaped.egress,
  )
}
