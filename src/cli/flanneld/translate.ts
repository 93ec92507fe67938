import { inClusterConnection } from '../../store/index.ts'
import { FLAGS, REFUSED } from './flags.ts'
import { type FlagValues, flagError, readGoFlags } from './go-flags.ts'
import { chooseUplink, type Surroundings } from './interfaces.ts'

type Environment = Readonly<Record<string, string | undefined>>

/**
 * flanneld's flags and environment as a configuration of the agent, to be checked by `parseAgentConfig`. What is not
 * given has flanneld's default: masquerading, for one, is off.
 *
 * @throws PodlaceError `flanneld.flag` that names what cannot be followed, `store.config` outside of a cluster
 */
export async function agentConfigOf(
  args: readonly string[],
  environment: Environment,
  around: Surroundings,
): Promise<Record<string, unknown>> {
  const flags = readGoFlags(args, environment, FLAGS)
  refuse(flags)
  const text = (name: string) => flags.get(name)?.[0]
  const store = text('kube-subnet-mgr') === 'true' ? kubernetes : etcd
  return {
    ...store(text, environment, around),
    masquerade: text('ip-masq') === 'true',
    masqueradeRandomFully: text('ip-masq-fully-random-disable') !== 'true',
    forwardRules: text('iptables-forward-rules') !== 'false',
    subnetFile: text('subnet-file') ?? '/run/flannel/subnet.env',
    wireguardKeyFile: environment['WIREGUARD_KEY_FILE'] ?? '/run/flannel/wgkey',
    ...(await chooseUplink(flags, around)),
    ...given('publicAddress', text('public-ip')),
    ...given('publicAddress6', text('public-ipv6')),
    ...given('annotationPrefix', text('kube-annotation-prefix')),
    ...healthz(text('healthz-ip') ?? '0.0.0.0', text('healthz-port') ?? '0'),
    logLevel: Number(text('v') ?? 0) > 0 ? 'debug' : 'info',
  }
}

/** True if the command line asks for the version and nothing else is to be done. */
export function asksForVersion(args: readonly string[]): boolean {
  return args.some(word => /^--?version(=true)?$/.test(word))
}

/** What is followed, but had better be said in another way: in words, for people. */
export function warningsAbout(args: readonly string[]): readonly string[] {
  if (!readGoFlags(args, {}, FLAGS).has('etcd-password')) return []
  return [
    'everybody on this machine can read --etcd-password in the list of processes: use the variable FLANNELD_ETCD_PASSWORD',
  ]
}

function refuse(flags: FlagValues): void {
  for (const [name, { why, harmless }] of REFUSED) {
    const value = flags.get(name)?.[0]
    if (value !== undefined && value !== harmless) throw flagError(`--${name} cannot be followed: ${why}`)
  }
}

type Text = (flag: string) => string | undefined

/** flanneld's where nothing else is said. */
const ETCD_ENDPOINTS = 'http://127.0.0.1:4001,http://127.0.0.1:2379'

function kubernetes(text: Text, environment: Environment): Record<string, unknown> {
  return {
    nodeName: nodeName(environment),
    ...connection(text('kubeconfig-file'), text('kube-api-url'), environment),
    netConf: text('net-config-path') ?? '/etc/kube-flannel/net-conf.json',
    setNetworkAvailable: text('set-node-network-unavailable') !== 'false',
  }
}

/** There nodes are known by their address; the name is for people. */
function etcd(text: Text, environment: Environment, { hostName }: Surroundings): Record<string, unknown> {
  return {
    nodeName: environment['NODE_NAME'] || hostName(),
    etcdEndpoints: (text('etcd-endpoints') ?? ETCD_ENDPOINTS).split(',').map(url => url.trim()),
    ...given('etcdPrefix', text('etcd-prefix')),
    ...given('etcdUsername', text('etcd-username')),
    ...given('etcdPassword', text('etcd-password')),
    ...given('etcdCaFile', text('etcd-cafile')),
    ...given('etcdCertFile', text('etcd-certfile')),
    ...given('etcdKeyFile', text('etcd-keyfile')),
  }
}

function nodeName(environment: Environment): string {
  const name = environment['NODE_NAME']
  if (name !== undefined && name !== '') return name
  throw flagError(
    'NODE_NAME is not set: give the pod that variable from spec.nodeName; POD_NAME and POD_NAMESPACE are not enough',
  )
}

/** A kubeconfig, else an URL without credentials, else the service account of the pod. */
function connection(
  kubeconfig: string | undefined,
  url: string | undefined,
  environment: Environment,
): Record<string, string> {
  if (kubeconfig !== undefined) {
    if (url === undefined) return { kubeconfig }
    throw flagError('--kubeconfig-file and --kube-api-url both say where the API server is: give one of them')
  }
  if (url !== undefined) return { api: url }
  const { server, tokenFile, caFile } = inClusterConnection(environment)
  return { api: server, ...given('tokenFile', tokenFile), ...given('caFile', caFile) }
}

function healthz(host: string, port: string): { readonly healthz?: { host: string; port: number } } {
  if (!/^\d+$/.test(port)) throw flagError(`--healthz-port: expected a port, found ${JSON.stringify(port)}`)
  return port === '0' ? {} : { healthz: { host, port: Number(port) } }
}

function given(key: string, value: string | undefined): Record<string, string> {
  return value === undefined || value === '' ? {} : { [key]: value }
}
