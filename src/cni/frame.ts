import { SYSCTL_DIRECTORIES } from '../sys/index.ts'
import { cniError } from './errors.ts'

/** First string of every request; the number rises when the layout changes. */
const FRAME_VERSION = 'podlace-cni/2'

/** The descriptors a shim can send, by name (the parts of a `Netns`). */
export const FD_NAMES = ['netns', 'route', 'netfilter', ...SYSCTL_DIRECTORIES] as const

export type FdName = (typeof FD_NAMES)[number]

/**
 * One call of a plugin as the shim relays it: NUL-terminated strings (the version, `key=value` of the shim's own in
 * lower case, then every environment variable that starts with `CNI_`), an empty string, then standard input.
 */
export interface CniRequest {
  /** Under which name the shim was started: `podlace`, `bridge`, ... */
  readonly type: string
  /** Which descriptors came along, in this order. */
  readonly fds: readonly FdName[]
  /** Why the namespace could not be opened: an errno name such as `ENOENT`. */
  readonly netnsError?: string
  readonly environment: ReadonlyMap<string, string>
  readonly stdin: Uint8Array
}

/** Longest header we read: environment blocks are small, and a longer one means a broken peer. */
const MAX_HEADER_BYTES = 128 * 1024

/** Reads a request (or a tombstone, which has the same content). Throws `cni.decode` (6). */
export function decodeRequest(payload: Uint8Array): CniRequest {
  const { strings, rest } = splitHeader(payload)
  const version = strings.shift()
  if (version !== FRAME_VERSION) {
    throw malformed(
      `the request starts with ${quote(version ?? '')}, not ${FRAME_VERSION}: install shim and agent of one release`,
    )
  }
  const header = new Map<string, string>()
  const environment = new Map<string, string>()
  for (const pair of strings) {
    const at = pair.indexOf('=')
    if (at <= 0) throw malformed(`${quote(pair)} is not key=value`)
    const key = pair.slice(0, at)
    const part = key.startsWith('CNI_') ? environment : header
    if (part.has(key)) throw malformed(`${quote(key)} stands twice`)
    part.set(key, pair.slice(at + 1))
  }
  const type = header.get('type') ?? ''
  if (type === '') throw malformed('type is missing')
  const netnsError = header.get('netns-error')
  return {
    type,
    fds: parseFds(header.get('fds') ?? ''),
    environment,
    stdin: rest,
    ...(netnsError === undefined ? {} : { netnsError }),
  }
}

/** The bytes a shim would send: for tests, and for whoever plays the shim. Throws `cni.decode` for a NUL in a value. */
export function encodeRequest(request: CniRequest): Uint8Array {
  const strings = [FRAME_VERSION, `type=${request.type}`, `fds=${request.fds.join(',')}`]
  if (request.netnsError !== undefined) strings.push(`netns-error=${request.netnsError}`)
  for (const [key, value] of request.environment) strings.push(`${key}=${value}`)
  return Buffer.concat([encodeStrings(strings), request.stdin])
}

function encodeStrings(strings: readonly string[]): Uint8Array {
  const nul = strings.find(text => text.includes('\0'))
  if (nul !== undefined) throw malformed(`${quote(nul)} holds a NUL byte`)
  return Buffer.from(`${strings.join('\0')}\0\0`)
}

/** The reply: the exit code of the plugin, then what it prints. */
export interface CniReply {
  /** 0 to 254. */
  readonly exitCode: number
  readonly stdout: Uint8Array
}

/** One byte of exit code, then the text. */
export function encodeReply(reply: CniReply): Uint8Array {
  const bytes = new Uint8Array(1 + reply.stdout.length)
  bytes[0] = reply.exitCode
  bytes.set(reply.stdout, 1)
  return bytes
}

/** Throws `cni.decode` (6) for an empty reply. */
export function decodeReply(payload: Uint8Array): CniReply {
  const exitCode = payload[0]
  if (exitCode === undefined) throw malformed('the reply is empty')
  return { exitCode, stdout: payload.subarray(1) }
}

/**
 * Instead of a reply: the shim is to run a plugin of somebody else, which it finds in the directories of CNI_PATH, and to
 * tell what came of it in a frame of its own.
 */
export interface CniOrder {
  readonly plugin: string
  /** Variables that are to be others than in the runtime's call. */
  readonly environment: ReadonlyMap<string, string>
  readonly stdin: Uint8Array
}

/** In place of an exit code: the frame is an order, or says why one could not be carried out. */
const ORDER = 255

/** Throws `cni.decode` for a NUL in a text. */
export function encodeOrder({ plugin, environment, stdin }: CniOrder): Uint8Array {
  const pairs = Array.from(environment, ([key, value]) => `${key}=${value}`)
  return Buffer.concat([new Uint8Array([ORDER]), encodeStrings([plugin, ...pairs]), stdin])
}

/** What came of an order: the reply of the plugin, or the errno name of why there is none (`ENOENT`: no such plugin). */
export function decodeOrderAnswer(payload: Uint8Array): CniReply | { readonly refusal: string } {
  const reply = decodeReply(payload)
  return reply.exitCode === ORDER ? { refusal: Buffer.from(reply.stdout).toString('latin1') } : reply
}

/** The strings up to the empty one; `rest` shares the payload's memory. */
function splitHeader(payload: Uint8Array): { strings: string[]; rest: Uint8Array } {
  const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength)
  const end = bytes.indexOf('\0\0')
  if (end < 0 || end > MAX_HEADER_BYTES) throw malformed('the request has no end of header')
  return { strings: bytes.toString('utf8', 0, end).split('\0'), rest: payload.subarray(end + 2) }
}

function parseFds(text: string): readonly FdName[] {
  if (text === '') return []
  const fds: FdName[] = []
  for (const given of text.split(',')) {
    const name = FD_NAMES_BY_TEXT.get(given)
    if (name === undefined)
      throw malformed(`the descriptor ${quote(given)} is not one of ${FD_NAMES.join(', ')}`)
    if (fds.includes(name)) throw malformed(`a descriptor stands twice in ${quote(text)}`)
    fds.push(name)
  }
  return fds
}

const FD_NAMES_BY_TEXT: ReadonlyMap<string, FdName> = new Map(FD_NAMES.map(name => [name, name]))

/** A text of the peer in a message: one line, of bounded length. */
function quote(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}...` : text)
}

function malformed(message: string) {
  return cniError('decode', 'read a request of the CNI shim', message)
}
