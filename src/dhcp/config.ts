import * as v from 'valibot'
import { issuesText, PodlaceError } from '../base/index.ts'

const durationMs = v.pipe(v.number(), v.minValue(1), v.maxValue(3_600_000))

/** How the daemon is run. Times are in milliseconds. */
const schema = v.strictObject({
  /** Where the CNI shim finds it. */
  socket: v.optional(v.string(), '/run/podlace/dhcp.sock'),
  /** Leases, for the next daemon; made if it is missing. Not the agent's: its user must not tell root where to go. */
  stateDir: v.optional(v.string(), '/var/lib/podlace-dhcp'),
  /** Holds the process id while it runs. */
  pidFile: v.optional(
    v.pipe(
      v.string(),
      v.check(path => path.startsWith('/'), 'expected an absolute path'),
    ),
  ),
  /** Where the host's file system is, as the daemon sees it: goes before the socket and the paths of namespaces. */
  hostPrefix: v.optional(v.string(), ''),
  broadcast: v.optional(v.boolean(), false),
  timeoutMs: v.optional(durationMs, 10_000),
  resendMaxMs: v.optional(durationMs, 62_000),
  resendTimeoutMs: v.optional(durationMs, 208_000),
  logLevel: v.optional(v.picklist(['debug', 'info', 'warn', 'error']), 'info'),
})

export type DhcpConfig = v.InferOutput<typeof schema>

/** Validates what came from the command line; throws `dhcp.config` that names each fault. */
export function parseDhcpConfig(input: unknown): DhcpConfig {
  const parsed = v.safeParse(schema, input)
  if (parsed.success) return parsed.output
  throw new PodlaceError(
    'read the configuration of the DHCP daemon',
    `the configuration of the DHCP daemon is not valid: ${issuesText(parsed.issues)}`,
    { code: 'dhcp.config' },
  )
}
