import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { hasCode, systemClock } from '../../src/base/index.ts'
import { EtcdClient, type EtcdOptions } from '../../src/etcd/index.ts'

export interface EtcdServerOptions {
  /** Besides those that every server gets. */
  readonly flags?: readonly string[]
  readonly scheme?: 'http' | 'https'
  /** For the client that waits until it is up, and for `client`. */
  readonly tls?: EtcdOptions['tls']
}

/** One etcd of one member, on loopback, with a directory of its own. */
export class EtcdServer {
  readonly url: string
  readonly directory: string
  private readonly options: EtcdServerOptions
  private readonly peerUrl: string
  private readonly name: string
  private cluster: string
  private readonly clients: EtcdClient[] = []
  private process: ChildProcess | undefined

  static async start(options: EtcdServerOptions = {}): Promise<EtcdServer> {
    const [port = 0, peerPort = 0] = await freePorts(2)
    const server = new EtcdServer(options, port, peerPort)
    await server.run()
    return server
  }

  /** Members of one cluster, started together. */
  static async startCluster(count: number): Promise<EtcdServer[]> {
    const ports = await freePorts(2 * count)
    const servers = Array.from(
      { length: count },
      (_, n) => new EtcdServer({}, ports[2 * n] ?? 0, ports[2 * n + 1] ?? 0, `m${n}`),
    )
    const all = servers.map(({ name, peerUrl }) => `${name}=${peerUrl}`).join(',')
    for (const server of servers) server.cluster = all
    await Promise.all(servers.map(server => server.run()))
    return servers
  }

  private constructor(options: EtcdServerOptions, port: number, peerPort: number, name = 'default') {
    this.name = name
    this.options = options
    this.url = `${options.scheme ?? 'http'}://127.0.0.1:${port}`
    this.peerUrl = `http://127.0.0.1:${peerPort}`
    this.cluster = `${name}=${this.peerUrl}`
    this.directory = mkdtempSync(join(tmpdir(), 'podlace-etcd-'))
  }

  client(options: Partial<EtcdOptions> = {}): EtcdClient {
    const { tls } = this.options
    const common = { endpoints: [this.url], clock: systemClock, ...(tls === undefined ? {} : { tls }) }
    const client = new EtcdClient({ ...common, ...options })
    this.clients.push(client)
    return client
  }

  /** What an administrator does. */
  ctl(...words: string[]): string {
    return this.ctlWith('', ...words)
  }

  /** The same, with something to read. */
  ctlWith(input: string, ...words: string[]): string {
    return execFileSync('etcdctl', ['--endpoints', this.url, ...words], {
      env: { ...process.env, ETCDCTL_API: '3' },
      encoding: 'utf8',
      input,
      stdio: 'pipe',
    })
  }

  /** It stands still: connections stay, and nothing is answered. */
  pause(): void {
    this.process?.kill('SIGSTOP')
  }

  resume(): void {
    this.process?.kill('SIGCONT')
  }

  async kill(): Promise<void> {
    const { process } = this
    if (process === undefined || process.exitCode !== null || process.signalCode !== null) return
    const ended = new Promise(resolve => process.once('exit', resolve))
    process.kill('SIGKILL')
    await ended
  }

  /** Again with the same data. */
  async restart(): Promise<void> {
    await this.kill()
    await this.run()
  }

  /** What it holds now, as a file. */
  backUp(): string {
    const file = join(this.directory, 'backup')
    this.ctl('snapshot', 'save', file)
    return file
  }

  /** What an administrator does after an accident: all that came after the backup is gone, and its revisions come again. */
  async restore(backup: string): Promise<void> {
    await this.kill()
    rmSync(this.data, { recursive: true })
    const peers = ['--initial-advertise-peer-urls', this.peerUrl]
    const cluster = ['--name', this.name, '--initial-cluster', this.cluster]
    this.ctl('snapshot', 'restore', backup, '--data-dir', this.data, ...peers, ...cluster)
    await this.run()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.clients) client.close()
    await this.kill()
    rmSync(this.directory, { recursive: true, force: true })
  }

  private get data(): string {
    return join(this.directory, 'data')
  }

  private async run(): Promise<void> {
    const urls = ['--listen-client-urls', this.url, '--advertise-client-urls', this.url]
    const peers = ['--listen-peer-urls', this.peerUrl, '--initial-advertise-peer-urls', this.peerUrl]
    const cluster = ['--name', this.name, '--initial-cluster', this.cluster]
    const data = ['--data-dir', this.data]
    const flags = ['--log-level', 'error', ...(this.options.flags ?? [])]
    this.process = spawn('etcd', [...urls, ...peers, ...cluster, ...data, ...flags], { stdio: 'ignore' })
    const client = this.client({ timeoutMs: 1_000 })
    for (let left = 100; ; left -= 1) {
      try {
        await client.get('up')
        return
      } catch (error) {
        // Who is refused has been answered.
        if (hasCode(error, 'etcd.refused') || hasCode(error, 'etcd.denied')) return
        if (left === 0 || this.process.exitCode !== null) throw error
        await sleep(100)
      }
    }
  }
}

/** Ports of loopback that nobody listens at now. */
async function freePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createServer())
  const ports: number[] = []
  for (const server of servers) {
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    const address = server.address()
    if (typeof address === 'object' && address !== null) ports.push(address.port)
  }
  for (const server of servers) await new Promise(resolve => server.close(resolve))
  return ports
}
