import { errorText, type Logger, settle } from '../base/index.ts'
import {
  type CniRequest,
  cniError,
  cniErrorReply,
  decodeRequest,
  encodeReply,
  FD_NAMES,
  type FdName,
} from '../cni/index.ts'
import { closeFd, MAX_FRAME_BYTES, Netns, NetnsIdentity, UnixServer, yieldProcessor } from '../sys/index.ts'
import { type Execute, ShimConnection } from './shim-connection.ts'

/** What one call came to. */
export interface CallOutcome {
  /** What the plugin prints; undefined prints nothing. */
  readonly output?: unknown
  /** Takes back what the call did, for a caller that is gone and will never hear of it. */
  readonly undo?: () => Promise<void>
}

/** A pod's namespace as the shim opened it: of plugins that work on the host alone there is its identity. */
export type PodNetns = Netns | NetnsIdentity

/** Carries out one call; throws for a refusal. The namespace is lent until the answer is out, or undone. */
export type CallHandler = (
  request: CniRequest,
  pod: PodNetns | undefined,
  execute: Execute,
) => Promise<CallOutcome>

/**
 * Serves the CNI shim on a unix socket. A shim that was killed by the runtime's timeout closes its connection; what
 * its call has done by then is taken back, since the runtime will not hear of it. `close` resolves when no call is
 * under way any more.
 */
export function serveCni(socketPath: string, handle: CallHandler, log: Logger): { close(): Promise<void> } {
  const calls = new Set<Promise<void>>()
  const server = UnixServer.listen(socketPath, {
    mode: 0o600,
    maxFds: FD_NAMES.length,
    onConnection: connection => {
      const shim: ShimConnection = new ShimConnection(connection, (payload, fds) => {
        const execute: Execute = order => shim.execute(order)
        const answered = answer(payload, fds, (request, pod) => handle(request, pod, execute))
        const call = serveCall(shim, answered)
          .catch((error: unknown) => log.error('a CNI call went wrong', { error: errorText(error) }))
          .finally(() => calls.delete(call))
        calls.add(call)
      })
    },
  })
  const serveCall = async (shim: ShimConnection, answered: Promise<Answer>) => {
    const { reply, undo, pod } = await answered
    const send = () => {
      shim.send(reply)
      // The shim need not wait for what is left to do here; but others who wait for this process must not wait longer.
      if (calls.size === 1) yieldProcessor()
    }
    try {
      if (await answerOrUndo({ isGone: () => shim.isGone(), send }, undo, log)) shim.end()
    } finally {
      closeSoon(pod, log)
    }
  }
  return {
    close: async () => {
      server.close()
      await Promise.all(calls)
    },
  }
}

/** Whoever waits for the answer to a call. */
export interface Caller {
  isGone(): boolean
  send(): void
}

/**
 * True if the caller has its answer; if it went away instead, what the call did is taken back. What cannot be is left to
 * the DEL that the runtime sends after a call that failed.
 */
export async function answerOrUndo(caller: Caller, undo: CallOutcome['undo'], log: Logger): Promise<boolean> {
  // That the caller is gone may show only when it is sent to.
  if (!caller.isGone()) caller.send()
  if (!caller.isGone()) return true
  log.warn('a CNI caller went away before its answer; what it asked for is taken back')
  await undo?.().catch((error: unknown) =>
    log.error('what it asked for could not be taken back; DEL or GC will do it', { error: errorText(error) }),
  )
  return false
}

/** Characters of an error's text: what fits on a screen. */
const MAX_MESSAGE = 4_000

interface Answer {
  readonly reply: Uint8Array
  /** To be closed by who sends the answer: `undo` works in it. */
  readonly pod: PodNetns | undefined
  readonly undo?: () => Promise<void>
}

async function answer(
  payload: Uint8Array,
  fds: readonly number[],
  handle: (request: CniRequest, pod: PodNetns | undefined) => Promise<CallOutcome>,
): Promise<Answer> {
  let request: CniRequest | undefined
  let pod: PodNetns | undefined
  try {
    request = openRequest(payload, fds)
    pod = adoptNetns(request.fds, fds)
    const { output, undo } = await handle(request, pod)
    const stdout = output === undefined ? new Uint8Array() : Buffer.from(`${JSON.stringify(output)}\n`)
    const reply = encodeReply({ exitCode: 0, stdout })
    if (reply.length > MAX_FRAME_BYTES) {
      await undo?.()
      throw cniError(
        'internal',
        'answer',
        `the result has ${reply.length} bytes, at most ${MAX_FRAME_BYTES} go`,
      )
    }
    return undo === undefined ? { reply, pod } : { reply, pod, undo }
  } catch (error) {
    return { reply: refusal(error, request && scanVersion(request.stdin)), pod }
  }
}

/** When the answer is out: the caller need not wait while its descriptors are closed. */
function closeSoon(pod: PodNetns | undefined, log: Logger): void {
  settle()
    .then(() => pod?.close())
    .catch((error: unknown) => log.error("a pod's descriptors cannot be closed", { error: errorText(error) }))
}

function openRequest(payload: Uint8Array, fds: readonly number[]): CniRequest {
  try {
    const request = decodeRequest(payload)
    if (request.fds.length === fds.length) return request
    throw cniError(
      'decode',
      'read a request',
      `${request.fds.length} descriptors are named, ${fds.length} came`,
    )
  } catch (error) {
    closeAll(fds)
    throw error
  }
}

function adoptNetns(names: readonly FdName[], fds: readonly number[]): PodNetns | undefined {
  if (names.length === 0) return undefined
  const named: { [N in FdName]?: number } = {}
  names.forEach((name, index) => {
    named[name] = fds[index] ?? -1
  })
  if (hasAll(named, ...PARTS_OF_NETNS)) return Netns.fromFds(named)
  if (names.length === 2 && hasAll(named, 'netns', 'route')) return new NetnsIdentity(named)
  closeAll(fds)
  const missing = PARTS_OF_NETNS.find(name => named[name] === undefined)
  throw cniError('decode', 'read a request', `the descriptor ${missing} of the pod's namespace is missing`)
}

/** Those that a `Netns` cannot do without. */
const PARTS_OF_NETNS = ['netns', 'route', 'netfilter', 'ipv4'] as const satisfies readonly FdName[]

type NamedFds = { readonly [N in FdName]?: number }

function hasAll<N extends FdName>(
  named: NamedFds,
  ...names: readonly N[]
): named is NamedFds & Record<N, number> {
  return names.every(name => named[name] !== undefined)
}

function refusal(error: unknown, version: string | undefined): Uint8Array {
  const body = cniErrorReply(error, version)
  // It may quote the configuration, and a longer frame than the shim takes would be no answer at all.
  const msg = body.msg.length > MAX_MESSAGE ? `${body.msg.slice(0, MAX_MESSAGE)}...` : body.msg
  return encodeReply({ exitCode: 1, stdout: Buffer.from(`${JSON.stringify({ ...body, msg })}\n`) })
}

/** The version an error should bear, even if the rest of the configuration cannot be read. */
function scanVersion(stdin: Uint8Array): string | undefined {
  const text = Buffer.from(stdin.buffer, stdin.byteOffset, stdin.byteLength).toString('utf8')
  const found = /"cniVersion"\s*:\s*"(\d+\.\d+\.\d+)"/.exec(text)
  return found?.[1]
}

function closeAll(fds: readonly number[]): void {
  for (const fd of fds) closeFd(fd)
}
