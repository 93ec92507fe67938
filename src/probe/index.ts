export type { DatagramChannel, ProbeOptions, ProbeOutcome } from './channel.ts'
export { type IcmpEcho } from './icmp-echo.ts'
export { type Endpoint, type MatrixCell, type MatrixOptions, type Protocol, probeMatrix } from './matrix.ts'
export { PeerHealth, type PeerReport, type ProbePurpose, type ProbeTarget } from './peer-health.ts'
export {
  PeerProber,
  type PeerProberOptions,
  PROBE_PACE,
  PROBE_PORT,
  type ProbeAnswer,
  type ProbePace,
  type ProbeSender,
} from './peer-prober.ts'
export { PingStream, type PingStreamOptions, type PingStreamReport } from './ping-stream.ts'
export { Pinger, type PingerOptions } from './pinger.ts'
export { ECHO_PORT, serveTcpEcho, serveUdpEcho } from './responders.ts'
export { median, type RttSummary, summarizeRtts } from './statistics.ts'
export { probeTcp } from './tcp-probe.ts'
export { UdpProber } from './udp-prober.ts'
