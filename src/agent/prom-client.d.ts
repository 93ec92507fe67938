/** Each registers some series of the process, read when somebody asks. Not part of what the package documents. */
declare module 'prom-client/lib/metrics/*.js' {
  import type { Registry } from 'prom-client'

  const register: (registry: Registry, options: { readonly eventLoopMonitoringPrecision: number }) => void
  export default register
}
