/** What the daemons of a node share: serving the CNI shim, their sockets, their state directories. */
export {
  answerOrUndo,
  type Caller,
  type CallHandler,
  type CallOutcome,
  type PodNetns,
  serveCni,
} from './cni-server.ts'
export { needNamespace } from './need-namespace.ts'
export type { Execute } from './shim-connection.ts'
export { removeStaleSocket, type SocketOwner, socketError } from './socket-path.ts'
export { lockStateDirectory } from './state-directory.ts'
