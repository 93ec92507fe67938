/**
 * Packets between pods on two nodes by UDP: our process against the plain loop that carries one packet per system call,
 * and against the kernel's vxlan. Every way carries a known stream first, and what arrived is compared.
 */
import { join } from 'node:path'
import process from 'node:process'
import { interleave, type Row, toRow } from './stats.ts'
import type { Bench } from './support/bench.ts'
import { inTime } from './support/in-time.ts'
import { isJson, jsonAt } from './support/json.ts'
import { inPod, type NodePair } from './support/overlay-hosts.ts'
import { buildProgram, programPath } from './support/programs.ts'
import { type Carrier, daemon, joinVxlan, makePair, runInPod } from './support/udp-hosts.ts'

interface Plan {
  readonly rounds: number
  readonly megabytes: number
  readonly packets: number
}

const FULL: Plan = { rounds: 16, megabytes: 200, packets: 100_000 }
const QUICK: Plan = { rounds: 3, megabytes: 60, packets: 20_000 }

const CONTENT_PORT = '5200'
const IPERF_PORT = '5201'
const STREAM_PORT = '5202'
const CONTENT_BYTES = 20_000_000
/** Of UDP, without headers; and how many may be on the way: fewer than a TUN device's queue takes (500). */
const PACKET_BYTES = 64
const WINDOW = 400

interface Measured {
  readonly bitsPerSecond: number
  readonly cpuSecondsPerGb: number
  readonly packetsPerSecond: number
}

const contentProgram = [process.execPath, join(import.meta.dirname, 'support/udp-content.ts')]

async function serve([, { host }]: NodePair): Promise<void> {
  await daemon(host, inPod(['iperf3', '--server', '--forceflush', '--port', IPERF_PORT]), 'listening')
  await daemon(host, inPod([programPath('udp-stream'), 'serve', STREAM_PORT]), 'listening')
}

/** A stream arrives as it left. */
async function checkContent([{ host }, { host: other, podAddress }]: NodePair): Promise<void> {
  const log = '/run/content.log'
  const argv = inPod([...contentProgram, 'serve', CONTENT_PORT])
  await other.start(argv, { env: {}, counted: false, log })
  await inTime(async () => {
    if (!(await other.commands([['cat', log]])).includes('listening')) throw new Error('nobody listens')
  })
  const sent = await runInPod(host, [
    ...contentProgram,
    'send',
    podAddress,
    CONTENT_PORT,
    String(CONTENT_BYTES),
  ])
  await inTime(async () => {
    const received = await other.commands([['cat', log]])
    if (!received.includes(sent)) throw new Error(`sent ${sent}, received ${received}`)
  })
}

async function cpuMs([{ host }, { host: other }]: NodePair): Promise<number> {
  return (await host.cpuMs()) + (await other.cpuMs())
}

/** All CPU time of both nodes counts: tunnel, sender and receiver. */
async function measure(pair: NodePair, plan: Plan): Promise<Measured> {
  const [{ host }, { podAddress }] = pair
  const before = await cpuMs(pair)
  const iperf = ['iperf3', '--client', podAddress, '--port', IPERF_PORT, '--bytes', `${plan.megabytes}M`]
  const report: unknown = JSON.parse(await runInPod(host, [...iperf, '--json', '--connect-timeout', '3000']))
  const cpu = (await cpuMs(pair)) - before
  const received = isJson(report) ? jsonAt(report, 'end', 'sum_received') : {}
  const { bits_per_second: bitsPerSecond, bytes } = received
  if (typeof bitsPerSecond !== 'number' || typeof bytes !== 'number' || !(bytes > 0))
    throw new Error('iperf3 reported nothing received')
  const stream = ['send', podAddress, STREAM_PORT, plan.packets, PACKET_BYTES, WINDOW].map(String)
  const streamNs = Number(await runInPod(host, [programPath('udp-stream'), ...stream]))
  return {
    bitsPerSecond,
    cpuSecondsPerGb: cpu / 1000 / (bytes / 1e9),
    packetsPerSecond: plan.packets / (streamNs / 1e9),
  }
}

export const bench: Bench = {
  what: 'pods on two nodes by UDP: our process, a loop of one packet per system call, and vxlan',
  async run(context) {
    for (const program of ['udp-loop', 'udp-stream']) buildProgram(program)
    const plan = context.quick ? QUICK : FULL
    await using stack = new AsyncDisposableStack()
    const pairs = new Map<Carrier, NodePair>()
    for (const carrier of ['ours', 'loop', 'vxlan'] as const) {
      context.signal.throwIfAborted()
      context.note(`  ${carrier}: two nodes, a stream that is compared, a warm-up`)
      const pair = await makePair(stack, carrier)
      if (carrier === 'vxlan') await joinVxlan(pair)
      await checkContent(pair)
      await serve(pair)
      await measure(pair, QUICK)
      pairs.set(carrier, pair)
    }
    context.note(`  ${plan.rounds} rounds of ${plan.megabytes} MB and ${plan.packets} packets`)
    const taken = await interleave(plan.rounds, [...pairs.values()], pair => {
      context.signal.throwIfAborted()
      return measure(pair, plan)
    })
    const of = (carrier: Carrier, value: (measured: Measured) => number) => {
      const pair = pairs.get(carrier)
      return pair === undefined ? [] : taken(pair).map(value)
    }
    const row = (
      name: string,
      unit: string,
      better: 'lower' | 'higher',
      peer: Carrier,
      value: (measured: Measured) => number,
    ): Row =>
      toRow({ name, unit, better, ours: of('ours', value), peer: of(peer, value), random: Math.random })
    return [
      row('tcp-vs-loop', 'Gbit/s', 'higher', 'loop', measured => measured.bitsPerSecond / 1e9),
      row('tcp-vs-vxlan', 'Gbit/s', 'higher', 'vxlan', measured => measured.bitsPerSecond / 1e9),
      row('pps-vs-loop', 'packets/s', 'higher', 'loop', measured => measured.packetsPerSecond),
      row('cpu-per-gb', 'CPU s/GB', 'lower', 'loop', measured => measured.cpuSecondsPerGb),
      row('pps-vs-vxlan', 'packets/s', 'higher', 'vxlan', measured => measured.packetsPerSecond),
      row('cpu-per-gb-vs-vxlan', 'CPU s/GB', 'lower', 'vxlan', measured => measured.cpuSecondsPerGb),
    ]
  },
}
