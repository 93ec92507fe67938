export { bootId } from './boot-id.ts'
export { DatagramSocket, type DatagramSource } from './datagram-socket.ts'
export { closeFd } from './descriptor.ts'
export { ErrorQueueSocket, type IcmpError } from './error-queue-socket.ts'
export { type SysError, type SysErrorPayload } from './errors.ts'
export { createFile, syncFile } from './file-aside.ts'
export { flockSync } from './flock.ts'
export { MAX_FRAME_BYTES } from './frames.ts'
export { makeDirectory } from './make-directory.ts'
export { trimMemory } from './memory.ts'
export { NetlinkEvents, type NetlinkEventsOptions, type QueuedEvents } from './netlink-events.ts'
export {
  type NetlinkProtocol,
  type NetlinkTransport,
  openNetlink,
} from './netlink-socket.ts'
export {
  Netns,
  type NetnsFds,
  netlinkIn,
  type SocketDomain,
  type SocketType,
  SYSCTL_DIRECTORIES,
  socketIn,
  unpin,
} from './netns.ts'
export { NetnsIdentity } from './netns-identity.ts'
export { PacketSocket, type PacketSource } from './packet-socket.ts'
export { yieldProcessor } from './processor.ts'
export { Program, type ProgramOptions, type ProgramOutcome } from './program.ts'
export { type ProgramEnd, type RunProgram, runProgram } from './run-program.ts'
export { openSharedPort, type SharedPortOptions } from './shared-port.ts'
export { openTun, type Tun, type TunOptions } from './tun.ts'
export {
  type CloseListener,
  connectUnix,
  type Peer,
  StreamConnection,
  type UnixConnection,
} from './unix-connection.ts'
export { UnixServer, type UnixServerOptions } from './unix-server.ts'
