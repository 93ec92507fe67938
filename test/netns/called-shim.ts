/** The CNI shim of one test, beside an agent that the test plays. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { FD_NAMES } from '../../src/cni/index.ts'
import { closeFd, Netns, type UnixConnection, UnixServer, unpin } from '../../src/sys/index.ts'

/** Another build of it can be put to the same tests. */
export const SHIM =
  process.env['PODLACE_SHIM'] ?? fileURLToPath(new URL('../../build/podlace-cni', import.meta.url))
export const CONFIG = '{"cniVersion":"1.0.0","name":"net","type":"podlace"}'

export interface Answer {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface Request {
  /** The `key=value` strings behind the protocol's name. */
  readonly fields: Map<string, string>
  readonly config: Buffer
  readonly fds: number[]
}

export class CalledShim implements Disposable {
  readonly directory = mkdtempSync(join(tmpdir(), 'podlace-shim-'))
  readonly socketPath = join(this.directory, 'cni.sock')
  readonly state = join(this.directory, 'state')
  readonly pod = Netns.create()
  readonly podPath = join(this.directory, 'pod')
  private server: UnixServer | undefined
  private readonly children = new Set<ChildProcess>()

  constructor() {
    this.pod.pin(this.podPath)
  }

  [Symbol.dispose](): void {
    for (const child of this.children) child.kill('SIGKILL')
    this.silenceAgent()
    this.pod.close()
    unpin(this.podPath)
    rmSync(this.directory, { recursive: true, force: true })
  }

  /** Starts it, under this path, with exactly this environment; `CNI_COMMAND` and the like without prefix. */
  run(
    cni: Record<string, string>,
    config: string | Buffer | undefined = CONFIG,
    more = {},
    argv0 = '/opt/cni/bin/bridge',
  ): Promise<Answer> {
    const paths = { PODLACE_CNI_SOCKET: this.socketPath, PODLACE_STATE_DIR: this.state }
    const env: Record<string, string> = { ...paths, ...more }
    for (const [name, value] of Object.entries(cni)) env[`CNI_${name}`] = value
    const child = spawn(SHIM, [], { env, argv0 })
    this.children.add(child)
    child.stdin.on('error', () => {})
    child.stdin.end(config)
    let stdout = ''
    let stderr = ''
    child.stdout.setEncoding('utf8').on('data', text => (stdout += text))
    child.stderr.setEncoding('utf8').on('data', text => (stderr += text))
    return new Promise(resolve => child.on('close', status => resolve({ status, stdout, stderr })))
  }

  /** The variables of a call for the pod. */
  pods(more: Record<string, string>): Record<string, string> {
    return { CONTAINERID: 'c0ffee', NETNS: this.podPath, IFNAME: 'eth0', PATH: '/opt/cni/bin', ...more }
  }

  /** Hears what the shim sends until another agent is played. */
  listen(onFrame: (payload: Uint8Array, fds: number[], connection: UnixConnection) => void): void {
    this.silenceAgent()
    this.server = UnixServer.listen(this.socketPath, {
      mode: 0o600,
      maxFds: FD_NAMES.length,
      onConnection: connection =>
        connection.onFrame((payload, fds) => {
          onFrame(payload, fds, connection)
          for (const fd of fds) closeFd(fd)
        }),
    })
  }

  playAgent(answer: (request: Request, connection: UnixConnection) => void): void {
    this.listen((payload, fds, connection) => answer(parseRequest(payload, fds), connection))
  }

  private silenceAgent(): void {
    this.server?.close()
    this.server = undefined
  }
}

export function parseRequest(payload: Uint8Array, fds: number[]): Request {
  const bytes = Buffer.from(payload)
  const end = bytes.indexOf('\0\0')
  const [protocol, ...pairs] = bytes.subarray(0, end).toString().split('\0')
  assert.equal(protocol, 'podlace-cni/2')
  const fields = new Map(
    pairs.map((pair): [string, string] => [
      pair.slice(0, pair.indexOf('=')),
      pair.slice(pair.indexOf('=') + 1),
    ]),
  )
  return { fields, config: bytes.subarray(end + 2), fds }
}

export const reply = (status: number, text: string) =>
  Buffer.concat([Buffer.from([status]), Buffer.from(text)])
