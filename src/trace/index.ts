export { tracePacket } from './trace.ts'
export type {
  Place,
  Trace,
  TraceEntry,
  TraceNamespace,
  TraceStep,
  TraceWorld,
  UnderlayAddress,
  VethPair,
} from './world.ts'
