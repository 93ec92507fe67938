export type { LinkFaults, Refusal, WatchedResource } from './link-faults.ts'
export { type RequestPoint, SimLink, SimTransport } from './sim-link.ts'
export { SimServer, type SimServerOptions } from './sim-server.ts'
export type { SimWatchStream } from './sim-watch-stream.ts'
