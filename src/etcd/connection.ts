import { type Clock, errorText, hasCode } from '../base/index.ts'
import { GrpcChannel, type GrpcError, type GrpcStream, type Method } from '../grpc/index.ts'
import type { Endpoint } from './endpoint.ts'
import { type EtcdError, etcdError } from './errors.ts'
import { METHODS } from './messages.ts'

export interface Credentials {
  readonly username: string
  readonly password: string
}

export interface ConnectionOptions {
  /** At least one; they are of one cluster. */
  readonly endpoints: readonly Endpoint[]
  /** Asked for each token, since passwords are rotated; without it etcd takes us for nobody. */
  readonly credentials?: () => Credentials
  readonly clock: Clock
  /** Of one try of one call, at one endpoint. */
  readonly timeoutMs: number
}

/** A call of many messages. */
export interface EtcdStream<Request, Response> {
  readonly stream: GrpcStream<Request, Response>
  /** What an error of it means. The next call goes to another endpoint, or with another token, if that may help. */
  readonly failed: (error: unknown) => EtcdError
}

/** gRPC's codes (`status_code_list` of grpc's documentation). */
const STATUS = {
  unknown: 2,
  invalidArgument: 3,
  deadlineExceeded: 4,
  permissionDenied: 7,
  unavailable: 14,
  unauthenticated: 16,
} as const
/** A member cannot do it now; with `unknown` etcd 3.4 says that its own time for it was over. */
const NOT_NOW: ReadonlySet<number> = new Set([STATUS.unknown, STATUS.deadlineExceeded, STATUS.unavailable])
/** etcd refuses more than one ping in 5 s by default (`--grpc-keepalive-min-time`). */
const PING_MS = 10_000

/** Calls to a cluster: to one endpoint as long as it answers, then to the next one. */
export class Connection {
  private readonly options: ConnectionOptions
  private readonly channels: readonly GrpcChannel[]
  private current = 0
  private token: string | undefined

  constructor(options: ConnectionOptions) {
    this.options = options
    const { clock } = options
    this.channels = options.endpoints.map(
      ({ url, connect }) => new GrpcChannel({ peer: `etcd at ${url}`, connect, clock, pingMs: PING_MS }),
    )
  }

  /**
   * One call, at one endpoint after the other. What may have been done already is not tried again, unless it makes no
   * difference: who asked for it must look what became of it.
   *
   * @throws EtcdError
   */
  async call<Request, Response>(
    method: Method<Request, Response>,
    request: Request,
    { repeatable }: { readonly repeatable: boolean },
  ): Promise<Response> {
    const { timeoutMs } = this.options
    return this.attempt(method.path, repeatable, (channel, metadata) =>
      channel.call(method, request, { timeoutMs, metadata }),
    )
  }

  /**
   * Opens a call of many messages at the present endpoint.
   *
   * @throws EtcdError
   */
  async stream<Request, Response>(
    method: Method<Request, Response>,
    metadata: Readonly<Record<string, string>> = {},
  ): Promise<EtcdStream<Request, Response>> {
    const at = this.current
    const failed = (error: unknown) => this.failed(at, method.path, error)
    try {
      const head = await this.authorization()
      return { stream: this.channel.stream(method, { metadata: { ...metadata, ...head } }), failed }
    } catch (error) {
      throw failed(error)
    }
  }

  close(): void {
    for (const channel of this.channels) channel.close()
  }

  private get channel(): GrpcChannel {
    const channel = this.channels[this.current]
    if (channel !== undefined) return channel
    throw etcdError('call etcd', 'there is no endpoint of etcd', { code: 'etcd.config' })
  }

  private async attempt<T>(
    path: string,
    repeatable: boolean,
    call: (channel: GrpcChannel, metadata: Readonly<Record<string, string>>) => Promise<T>,
  ): Promise<T> {
    let tries = this.channels.length
    let mayRenew = true
    for (;;) {
      const at = this.current
      try {
        return await call(this.channel, await this.authorization())
      } catch (error) {
        const kind = kindOf(error)
        tries -= 1
        if (kind === 'unauthenticated' && mayRenew) {
          mayRenew = false
          tries += 1
          this.token = undefined
          continue
        }
        if (kind === 'elsewhere' || kind === 'unsent') this.turn(at)
        if (tries === 0 || kind === 'final' || kind === 'unauthenticated') throw inOurWords(path, error)
        if (kind === 'elsewhere' && !repeatable) throw inOurWords(path, error)
      }
    }
  }

  private failed(at: number, path: string, error: unknown): EtcdError {
    const ours = inOurWords(path, error)
    if (ours.code === 'etcd.unavailable') this.turn(at)
    if (ours.code === 'etcd.denied') this.token = undefined
    return ours
  }

  /** Away from this endpoint, if nobody went already. */
  private turn(from: number): void {
    if (this.current === from) this.current = (from + 1) % this.channels.length
  }

  private async authorization(): Promise<Readonly<Record<string, string>>> {
    const { credentials, timeoutMs } = this.options
    if (credentials === undefined) return {}
    if (this.token === undefined) {
      const { username: name, password } = credentials()
      const login = this.channel.call(METHODS.authenticate, { name, password }, { timeoutMs })
      this.token = await login.then(
        ({ token }) => token,
        (error: unknown) => {
          throw refusedLogin(error)
        },
      )
    }
    return { token: this.token }
  }
}

/** What to do about an error. `unsent`: nothing was done; `elsewhere`: another endpoint may do better. */
function kindOf(error: unknown): 'final' | 'unauthenticated' | 'unsent' | 'elsewhere' {
  if (!isGrpcError(error)) return 'final'
  const { payload } = error
  if (payload.code === 'grpc.unreachable') return payload.sent ? 'elsewhere' : 'unsent'
  if (payload.code === 'grpc.timeout') return 'elsewhere'
  if (payload.code !== 'grpc.refused') return 'final'
  const { grpcStatus } = payload
  if (grpcStatus === STATUS.unauthenticated) return 'unauthenticated'
  return NOT_NOW.has(grpcStatus) ? 'elsewhere' : 'final'
}

/** A wrong password is, to etcd, an invalid argument. */
function refusedLogin(error: unknown): unknown {
  if (!isGrpcError(error) || error.payload.code !== 'grpc.refused') return error
  if (error.payload.grpcStatus !== STATUS.invalidArgument) return error
  return etcdError('log in to etcd', error.message, { code: 'etcd.denied' })
}

/** Its cause is told in its message. */
function inOurWords(path: string, error: unknown): EtcdError {
  if (isEtcdError(error)) return error
  const op = `call ${path}`
  if (!isGrpcError(error)) return etcdError(op, errorText(error), { code: 'etcd.unavailable' }, error)
  const { message, payload } = error
  if (payload.code !== 'grpc.refused') return etcdError(op, message, { code: 'etcd.unavailable' })
  const { grpcStatus } = payload
  if (NOT_NOW.has(grpcStatus)) return etcdError(op, message, { code: 'etcd.unavailable' })
  switch (grpcStatus) {
    case STATUS.unauthenticated:
    case STATUS.permissionDenied:
      return etcdError(op, message, { code: 'etcd.denied' })
    default:
      return etcdError(op, message, { code: 'etcd.refused', grpcStatus })
  }
}

function isEtcdError(error: unknown): error is EtcdError {
  return hasCode(error, 'etcd')
}

function isGrpcError(error: unknown): error is GrpcError {
  return hasCode(error, 'grpc')
}
