import { readFileSync } from 'node:fs'
import { type Command, Option } from 'commander'
import { errorText, PodlaceError } from '../../base/index.ts'
import type { CliContext } from '../context.ts'
import { keepHeapLean } from '../lean-heap.ts'
import { serverUrl, wholeNumber } from '../options.ts'
import { aborted } from '../stop-signal.ts'

const HELP = `
Flags left out take the value of the configuration file (YAML or JSON, the same names in camel case), else the
default. The agent needs one capability, CAP_NET_ADMIN, and no root:

  setpriv --reuid 64113 --regid 64113 --clear-groups --inh-caps +net_admin --ambient-caps +net_admin \\
    podlace agent --node-name worker-1 --api http://10.0.0.10:6443 --token-file /run/podlace/token`

export function addAgentCommand(program: Command, context: CliContext): void {
  const levels = new Option('--log-level <level>', 'default info').choices(['debug', 'info', 'warn', 'error'])
  program
    .command('agent')
    .description("run a node's agent")
    .option('--node-name <name>', 'name of this Node object; required, here or in the file')
    .option(
      '--api <url>',
      'the API server; without one the agent serves the standard CNI plugins only',
      serverUrl,
    )
    .option('--token-file <path>', 'file with the bearer token')
    .option('--ca-file <path>', "PEM bundle that signs the API server's certificate")
    .option('--kubeconfig <path>', 'how to reach the API server, in place of the three')
    .option('--net-conf <path>', "flannel's net-conf.json in place of a NetworkConfig object")
    .option('--etcd-endpoints <urls>', "instead of an API server: flannel's etcd, commas between", commaList)
    .option('--etcd-prefix <path>', "where flannel's keys begin; default /coreos.com/network")
    .option('--etcd-username <name>', 'user of etcd')
    .option('--etcd-password-file <path>', 'file with its password')
    .option('--etcd-ca-file <path>', "PEM bundle that signs etcd's certificates")
    .option('--etcd-cert-file <path>', 'certificate by which etcd knows this node')
    .option('--etcd-key-file <path>', 'key of that certificate')
    .option('--network <name>', 'the NetworkConfig object; default "default"')
    .option('--uplink <device>', "underlay device; default the one with the node's internal address")
    .option('--uplink-address <address>', "the underlay device's address, in place of its name")
    .option('--public-address <address>', 'the IPv4 address that peers are told, behind a NAT')
    .option('--public-address6 <address>', 'the same of IPv6')
    .option('--bridge <name>', 'bridge for the pods; default cni0')
    .option('--socket <path>', 'where the CNI shim connects; default /run/podlace/cni.sock')
    .option('--admin-socket <path>', 'HTTP: /status, /metrics ...; default /run/podlace/agent.sock')
    .option('--healthz-ip <address>', 'where to serve health over HTTP; default 0.0.0.0')
    .option(
      '--healthz-port <port>',
      'HTTP: /healthz, /readyz, /metrics; default 0, which is off',
      wholeNumber(0, 65_535),
    )
    .option('--state-dir <path>', 'journal of attachments; default /var/lib/podlace')
    .option('--subnet-file <path>', "flannel's subnet.env; an empty text turns it off")
    .addOption(
      new Option(
        '--wireguard-key-file <path>',
        "the node's private key; default wireguard.key in the state directory",
      ).env('WIREGUARD_KEY_FILE'),
    )
    .option('--recover-journal', 'set a damaged journal aside and begin a new one')
    .addOption(levels)
    .option('--config <path>', 'configuration file')
    .addHelpText('after', HELP)
    .action(async ({ config: path, healthzIp, healthzPort, ...flags }: Readonly<Record<string, unknown>>) => {
      keepHeapLean()
      const { parseAgentConfig, runAgent } = await import('../../agent/index.ts')
      const fromFile = typeof path === 'string' ? await readConfig(path) : {}
      const agent = await runAgent(
        parseAgentConfig({ ...fromFile, ...flags, ...healthz(healthzIp, healthzPort) }),
      )
      await aborted(context.signal)
      await agent.stop()
    })
}

/** Either flag takes the place of the file's `healthz`. */
function healthz(host: unknown, port: unknown): { readonly healthz?: object } {
  if (host === undefined && port === undefined) return {}
  return { healthz: { ...(host === undefined ? {} : { host }), ...(port === undefined ? {} : { port }) } }
}

function commaList(text: string): string[] {
  return text.split(',').map(part => part.trim())
}

/**
 * The file's keys and values; what they must be is the agent's to say. An empty file is no error.
 *
 * @throws PodlaceError `agent.config`
 */
async function readConfig(path: string): Promise<object> {
  const { parse } = await import('yaml')
  const refuse = (found: string) =>
    new PodlaceError(
      `read ${path}`,
      `cannot use the configuration file ${path}: ${found}; expected YAML or JSON with keys such as nodeName and api`,
      { code: 'agent.config' },
    )
  let content: unknown
  try {
    // Warnings quote the file, which may hold a password.
    content = parse(readFileSync(path, 'utf8'), { logLevel: 'error' }) ?? {}
  } catch (error) {
    if (error instanceof ReferenceError)
      throw refuse('a value begins with * and is no alias, so that it needs quotes')
    throw refuse(
      errorText(error)
        .trim()
        .replaceAll(/:?\n[^]*/g, ''),
    )
  }
  if (typeof content === 'object' && content !== null && !Array.isArray(content)) return content
  throw refuse(`it holds ${Array.isArray(content) ? 'a list' : `the ${typeof content} ${String(content)}`}`)
}
