import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { sysError } from './errors.ts'

/** A uv_poll handle of the addon. */
export type PollHandle = { readonly brand: unique symbol }

/**
 * The host functions of `build/podlace.node`. Each is documented with the kernel interface it uses in
 * `native/addon/`. Descriptors are plain numbers; refused system calls throw an Error with `errno` and
 * `syscall`.
 */
export interface NativeAddon {
  netlinkOpen(netns: number, protocol: number, groups: readonly number[], receiveBufferBytes: number): number
  netlinkAdopt(fd: number): number
  netlinkPortId(fd: number): number
  netlinkExchange(fd: number, request: Uint8Array): Uint8Array[]
  netlinkExchangeInThread(fd: number, request: Uint8Array): Promise<Uint8Array[]>
  netlinkExchangeAside(fd: number, request: Uint8Array): Promise<Uint8Array[]>
  netlinkReceive(fd: number): [datagrams: Uint8Array[], overflow: boolean]
  netnsOwn(): number[]
  netnsOpen(path: string): number[]
  netnsCreate(): number[]
  netnsCookie(socket: number): bigint
  netnsSocket(netns: number, domain: number, type: number, protocol: number): number
  sysctlRead(directory: number, name: string): string
  sysctlWrite(directory: number, name: string, value: string): void
  txChecksumRead(socket: number, link: string): boolean
  txChecksumWrite(socket: number, link: string, on: number): void
  pollOpen(fd: number, events: number, callback: (events: number) => void): PollHandle
  pollClose(handle: PollHandle): void
  pollEvents(handle: PollHandle, events: number): void
  unixListen(path: string, mode: number, backlog: number): number
  unixConnect(path: string): number
  unixAccept(fd: number): number
  unixPeer(fd: number): [pid: number, uid: number, gid: number]
  unixReceive(fd: number): [bytes: Uint8Array, fds: number[], dropped: boolean] | undefined
  unixSend(fd: number, bytes: Uint8Array, fds: readonly number[]): number
  datagramBind(fd: number, address: string, port: number): void
  datagramSend(fd: number, bytes: Uint8Array, address: string, port: number): boolean
  datagramSendSummed(fd: number, bytes: Uint8Array, address: string, port: number): boolean
  datagramReceive(fd: number): [bytes: Uint8Array, address: string, port: number][]
  datagramKind(fd: number): [domain: number, type: number]
  datagramShare(fd: number, bufferBytes: number): void
  datagramHearErrors(fd: number): void
  datagramReceiveErrors(
    fd: number,
  ): [
    bytes: Uint8Array,
    address: string,
    port: number,
    facts: [errno: number, origin: number, type: number, code: number, info: number],
    offender: string,
  ][]
  packetOpen(netns: number, linkIndex: number, udpPort: number): number
  packetSend(fd: number, linkIndex: number, mac: Uint8Array, packet: Uint8Array): boolean
  packetReceive(fd: number): [packet: Uint8Array, mac: Uint8Array, hasChecksum: boolean][]
  fileClose(fd: number): void
  fileLock(fd: number, operation: number): boolean
  fileSync(fd: number, told: Uint8Array): Promise<void>
  fileCreate(path: string, content: Uint8Array, told: Uint8Array): Promise<void>
  processorYield(): void
  memoryTrim(): void
  mountFile(
    source: string | null,
    target: string,
    type: string | null,
    flags: number,
    data: string | null,
  ): void
  unmountFile(target: string, flags: number): void
  tunOpen(
    netns: number,
    name: string,
    flags: number,
    ownerUid: number,
    groupGid: number,
  ): [fd: number, name: string]
  tunPersist(fd: number): void
}

/** Where the addon lies, seen from `src/sys/` in a checkout and from `dist/` in a bundle. */
const PLACES = ['../../build/podlace.node', '../build/podlace.node']

/** Loaded once per process or worker; its C side keeps state per environment only. */
export const native: NativeAddon = load()

function load(): NativeAddon {
  const paths = PLACES.map(place => fileURLToPath(new URL(place, import.meta.url)))
  const given = process.env['PODLACE_ADDON']
  const path = given ?? paths.find(existsSync)
  if (path === undefined)
    throw sysError(
      'sys.addon-missing',
      'load addon',
      `no native addon at ${paths.join(' or ')}: run npm run build:native`,
    )
  try {
    return createRequire(import.meta.url)(path)
  } catch (cause) {
    const advice = 'remove it and run npm run build:native'
    throw sysError(
      'sys.addon-missing',
      'load addon',
      `the native addon ${path} does not load: ${advice}`,
      cause,
    )
  }
}
