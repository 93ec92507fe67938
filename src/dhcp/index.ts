/** The daemon behind the CNI plugin `dhcp`: addresses of pods from servers on their networks, renewed while pods live. */
export { type DhcpConfig, parseDhcpConfig } from './config.ts'
export { type RunningDhcp, runDhcp } from './run.ts'
