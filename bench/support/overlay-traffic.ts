/** What two pods can do with the way between them: throughput of one TCP stream, and small requests and answers. */
import type { FakeHost } from './fake-host.ts'
import { isJson, jsonAt } from './json.ts'
import { inPod, type NodePair } from './overlay-hosts.ts'
import { programPath } from './programs.ts'

const IPERF_PORT = '5201'
const ECHO_PORT = '5202'
const PATH = '/usr/sbin:/usr/bin:/sbin:/bin'

export interface Traffic {
  readonly bitsPerSecond: number
  readonly roundTripUs: number
}

/** Starts what answers in the second node's pod; it ends with its fake host. */
export async function serve([, { host }]: NodePair): Promise<void> {
  const options = { env: { PATH }, counted: false }
  const iperf = ['iperf3', '--server', '--port', IPERF_PORT]
  await host.start(inPod(iperf), { ...options, log: '/run/iperf3.log' })
  const echo = [programPath('round-trip'), 'serve', ECHO_PORT]
  await host.start(inPod(echo), { ...options, log: '/run/round-trip.log' })
  const listening = `for i in $(seq 100); do [ "$(ss -Htln | wc -l)" = 2 ] && exit; sleep 0.1; done; exit 1`
  await host.commands([inPod(['sh', '-c', listening])])
}

/** From the first pod to the second. */
export async function measure(
  [{ host }, { podAddress }]: NodePair,
  sizes: { readonly megabytes: number; readonly requests: number },
): Promise<Traffic> {
  const echo = ['ask', podAddress, ECHO_PORT, String(sizes.requests)]
  const roundTripNs = Number(await run(host, [programPath('round-trip'), ...echo]))
  const iperf = ['--client', podAddress, '--port', IPERF_PORT, '--bytes', `${sizes.megabytes}M`]
  const report: unknown = JSON.parse(
    await run(host, ['iperf3', '--json', '--connect-timeout', '3000', ...iperf]),
  )
  const received = isJson(report) ? jsonAt(report, 'end', 'sum_received')['bits_per_second'] : undefined
  if (typeof received !== 'number' || !(received > 0)) throw new Error('iperf3 reported nothing received')
  return { bitsPerSecond: received, roundTripUs: roundTripNs / 1000 }
}

async function run(host: FakeHost, command: readonly string[]): Promise<string> {
  const { results } = await host.calls([{ argv: inPod(command), env: { PATH }, stdin: '' }], 1)
  const [result] = results
  if (result?.exitCode === 0) return result.stdout
  throw new Error(`${command[0]}: ${result?.stdout}${result?.stderr}`)
}
