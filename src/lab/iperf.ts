import { spawn } from 'node:child_process'
import { isRecord } from './api-client.ts'
import { commandOutput } from './command.ts'
import { labError } from './errors.ts'

/** One end of a measurement: how to run a program there. */
export interface IperfEnd {
  readonly argv: readonly string[]
  readonly address: string
}

export interface IperfOptions {
  readonly seconds: number
  readonly env: Readonly<Record<string, string>>
}

const PORT = '5201'

/** One TCP stream from `client` to `server` with iperf3; what the server received, in bits per second. */
export async function measureThroughput(
  what: string,
  client: IperfEnd,
  server: IperfEnd,
  { seconds, env }: IperfOptions,
): Promise<number> {
  const stop = await startServer(what, server, env)
  try {
    const argv = [...client.argv, 'iperf3', '--client', server.address, '--port', PORT]
    const limits = ['--time', String(seconds), '--json', '--connect-timeout', '3000']
    const output = await commandOutput(`measure the throughput of ${what}`, [...argv, ...limits], {
      env,
      timeoutMs: (seconds + 15) * 1000,
    })
    return receivedRate(what, output)
  } finally {
    stop()
  }
}

/** Serves one test; resolves when it listens. */
async function startServer(
  what: string,
  server: IperfEnd,
  env: Readonly<Record<string, string>>,
): Promise<() => void> {
  const [file = '', ...args] = [
    ...server.argv,
    'iperf3',
    '--server',
    '--one-off',
    '--port',
    PORT,
    '--forceflush',
  ]
  const child = spawn(file, args, { detached: true, stdio: ['ignore', 'pipe', 'pipe'], env })
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const timer = setTimeout(() => reject(new Error('it did not listen in time')), 10_000)
  let output = ''
  const receive = (chunk: Buffer) => {
    output += chunk.toString()
    if (output.includes('listening')) resolve()
  }
  child.stdout.on('data', receive)
  child.stderr.on('data', receive)
  child.on('error', reject)
  child.on('exit', () => reject(new Error(output.trim())))
  try {
    await promise
    return () => child.kill('SIGKILL')
  } catch (error) {
    child.kill('SIGKILL')
    const message = `cannot start iperf3 for ${what}: ${error instanceof Error ? error.message : String(error)}`
    const payload = { code: 'lab.command', command: 'iperf3 --server', exitCode: -1, stderr: output } as const
    throw labError(`measure the throughput of ${what}`, message, payload)
  } finally {
    clearTimeout(timer)
  }
}

/** `end.sum_received.bits_per_second` of iperf3's JSON. */
export function receivedRate(what: string, output: string): number {
  const report: unknown = JSON.parse(output)
  const end = isRecord(report) ? report['end'] : undefined
  const sum = isRecord(end) ? end['sum_received'] : undefined
  const rate = isRecord(sum) ? sum['bits_per_second'] : undefined
  if (typeof rate === 'number' && rate > 0) return rate
  const message = `iperf3 reported nothing received over ${what}`
  const payload = {
    code: 'lab.command',
    command: 'iperf3',
    exitCode: 0,
    stderr: output.slice(0, 500),
  } as const
  throw labError(`measure the throughput of ${what}`, message, payload)
}
