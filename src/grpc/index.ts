export { type CallOptions, type ChannelOptions, GrpcChannel } from './channel.ts'
export type { GrpcError, GrpcErrorPayload } from './errors.ts'
export {
  bigInteger,
  blob,
  field,
  flag,
  integer,
  list,
  type Message,
  message,
  nested,
  text,
  textMap,
  texts,
  type ValueOf,
} from './protobuf.ts'
export type { GrpcStream, Method, StreamOptions } from './stream.ts'
