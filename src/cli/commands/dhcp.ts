import { type Command, Option } from 'commander'
import type { CliContext } from '../context.ts'
import { keepHeapLean } from '../lean-heap.ts'
import { durationMs } from '../options.ts'
import { aborted } from '../stop-signal.ts'

const HELP = `
Networks with ipam of type dhcp get their addresses by it, under any plugin. It needs root, to come back to the pods'
namespaces when a lease falls due; the agent does not. Leases outlive the daemon: the next one goes on with them.`

export function addDhcpCommand(program: Command, context: CliContext): void {
  const levels = new Option('--log-level <level>', 'default info').choices(['debug', 'info', 'warn', 'error'])
  program
    .command('dhcp')
    .description('run the daemon of the CNI plugin dhcp: addresses from servers on the networks of pods')
    .option('--socket <path>', 'where the CNI shim connects; default /run/podlace/dhcp.sock')
    .addOption(new Option('--socketpath <path>', 'the same, as the reference daemon calls it').hideHelp())
    .option('--state-dir <path>', 'leases; default /var/lib/podlace-dhcp')
    .option('--pidfile <path>', 'holds the process id while the daemon runs')
    .option(
      '--hostprefix <path>',
      "the host's file system, if that is elsewhere: for the socket and the namespaces",
    )
    .option('--broadcast', 'ask servers to broadcast their answers')
    .option('--timeout <duration>', 'how long one request waits for an answer; default 10s', durationMs)
    .option('--resendmax <duration>', 'longest pause between two sendings; default 62s', durationMs)
    .option(
      '--resendtimeout <duration>',
      'how long an ADD goes on with servers that offer and do not give; default 208s',
      durationMs,
    )
    .addOption(levels)
    .addHelpText('after', HELP)
    .action(async (flags: Readonly<Record<string, unknown>>) => {
      keepHeapLean()
      const { parseDhcpConfig, runDhcp } = await import('../../dhcp/index.ts')
      const daemon = await runDhcp(parseDhcpConfig(configOf(flags)))
      await aborted(context.signal)
      await daemon.stop()
    })
}

/** The reference daemon's names on the command line, ours inside; what is left out takes its default. */
function configOf(flags: Readonly<Record<string, unknown>>): object {
  const { socketpath, pidfile, hostprefix, timeout, resendmax, resendtimeout, ...same } = flags
  const renamed = {
    socket: socketpath,
    pidFile: pidfile,
    hostPrefix: hostprefix,
    timeoutMs: timeout,
    resendMaxMs: resendmax,
    resendTimeoutMs: resendtimeout,
  }
  const given = Object.entries(renamed).filter(([, value]) => value !== undefined)
  return { ...Object.fromEntries(given), ...same }
}
