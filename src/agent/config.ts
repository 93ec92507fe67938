import * as v from 'valibot'
import { issuesText, PodlaceError } from '../base/index.ts'
import { type Family, linkNameFault, tryParseAddress } from '../ip/index.ts'
import { ANNOTATION_PREFIX } from '../overlay/index.ts'
import { annotationStem } from './network/annotation-stem.ts'

const interfaceName = v.pipe(
  v.string(),
  v.check(
    name => linkNameFault(name) === undefined,
    ({ input }) => `expected the name of an interface, found "${input}": ${linkNameFault(input) ?? ''}`,
  ),
)

const urlLike = (example: string) =>
  v.pipe(
    v.string(),
    v.check(
      text => /^https?:$/.test(URL.parse(text)?.protocol ?? ''),
      ({ input }) => `expected a URL such as ${example}, found "${input}"`,
    ),
  )

/** An address of a family, or of any. */
function address(family?: Family) {
  const expected = family === undefined ? 'an IPv4 or IPv6 address' : `an IPv${family} address`
  return v.pipe(
    v.string(),
    v.check(
      text => {
        const parsed = tryParseAddress(text)
        return parsed !== undefined && (family === undefined || parsed.family === family)
      },
      ({ input }) => `expected ${expected}, found "${input}"`,
    ),
  )
}

const port = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(65_535))

const annotationPrefix = v.pipe(
  v.string(),
  v.rawTransform(({ dataset: { value }, addIssue, NEVER }) => {
    const stem = annotationStem(value)
    if (stem !== undefined) return stem
    addIssue({ message: `expected a prefix of annotations such as example.com/flannel, found "${value}"` })
    return NEVER
  }),
)

/** How one agent is run; every field has the same name as its command line option or its key in the config file. */
const fields = {
  /** Name of the Node object this agent stands for. */
  nodeName: v.pipe(v.string(), v.minLength(1), v.maxLength(253)),
  /** The object store: a Kubernetes API server or `podlace apiserver`. Without it the agent stands alone. */
  api: v.optional(urlLike('http://10.0.0.10:6443')),
  /** File with the bearer token; read again for every connection, since tokens are rotated. */
  tokenFile: v.optional(v.string()),
  /** PEM bundle that signs the API server's certificate. */
  caFile: v.optional(v.string()),
  /** A kubeconfig file in place of `api`, `tokenFile` and `caFile`. */
  kubeconfig: v.optional(v.string()),
  /** flannel's net-conf.json in place of a NetworkConfig: then the API server need not know our kinds. */
  netConf: v.optional(v.string()),
  /** With `netConf`, or with etcd, where nothing says it: pods that leave the pod network take their node's address. */
  masquerade: v.optional(v.boolean(), true),
  masqueradeRandomFully: v.optional(v.boolean(), true),
  /** The same of the pod network in FORWARD of iptables. */
  forwardRules: v.optional(v.boolean(), true),
  /** Sets the condition NetworkUnavailable of the Node to False once it takes part in the pod network. */
  setNetworkAvailable: v.optional(v.boolean(), false),
  /** The etcd that flannel's nodes meet in, instead of an API server: URLs of one cluster. */
  etcdEndpoints: v.optional(
    v.pipe(v.array(urlLike('https://10.0.0.10:2379')), v.minLength(1, 'expected an endpoint, found none')),
  ),
  /** Where flannel's keys begin there. */
  etcdPrefix: v.optional(
    v.pipe(
      v.string(),
      v.regex(/^(\/[^/]+)+$/, ({ input }) => `expected a path such as /a/b, found "${input}"`),
    ),
    '/coreos.com/network',
  ),
  etcdUsername: v.optional(v.string()),
  /** File with the password; read again for every token, since passwords are rotated. */
  etcdPasswordFile: v.optional(v.string()),
  /** In place of that file, as flanneld takes it. What is found instead of a text is not told: it may be the password. */
  etcdPassword: v.optional(
    v.pipe(
      v.string('expected a text'),
      v.minLength(1, 'expected a text, found none; one that begins with ! needs quotes'),
    ),
  ),
  /** PEM bundle that signs etcd's certificates. */
  etcdCaFile: v.optional(v.string()),
  /** Certificate and key by which etcd knows us, PEM. */
  etcdCertFile: v.optional(v.string()),
  etcdKeyFile: v.optional(v.string()),
  /** Name of the NetworkConfig object. */
  network: v.optional(v.string(), 'default'),
  /** Underlay device; default is the one that bears the node's internal address. */
  uplink: v.optional(interfaceName),
  /** The address of the underlay device, in place of its name; default is the node's internal address. */
  uplinkAddress: v.optional(address()),
  /** What peers are told instead of the underlay's own addresses, where a NAT is between. */
  publicAddress: v.optional(address(4)),
  publicAddress6: v.optional(address(6)),
  /** As flannel's `--kube-annotation-prefix` takes it; what comes out is what names of our annotations begin with. */
  annotationPrefix: v.optional(annotationPrefix, ANNOTATION_PREFIX),
  /** Where `/healthz`, `/readyz` and `/metrics` are served over HTTP; port 0 turns it off. */
  healthz: v.optional(v.strictObject({ host: v.optional(address(), '0.0.0.0'), port: v.optional(port, 0) })),
  /** Bridge that `podlace` pods are attached to. */
  bridge: v.optional(interfaceName, 'cni0'),
  /** Where the CNI shim finds the agent. */
  socket: v.optional(v.string(), '/run/podlace/cni.sock'),
  /** Where people and tools ask the agent what it holds and why. */
  adminSocket: v.optional(v.string(), '/run/podlace/agent.sock'),
  /** Journal and tombstones; the agent's own, and the only place it needs to write. */
  stateDir: v.optional(v.string(), '/var/lib/podlace'),
  /** The node's WireGuard key, such as flannel's /run/flannel/wgkey; default `wireguard.key` in the state directory. */
  wireguardKeyFile: v.optional(v.string()),
  /** Written for programs that read flannel's file; an empty text turns it off. */
  subnetFile: v.optional(v.string(), '/run/flannel/subnet.env'),
  /** Seconds in which a released pod address is not given to another pod. */
  addressCooldownSeconds: v.optional(v.pipe(v.number(), v.minValue(0), v.maxValue(3600)), 30),
  logLevel: v.optional(v.picklist(['debug', 'info', 'warn', 'error']), 'info'),
  recoverJournal: v.optional(v.boolean(), false),
} as const

/** Other places for what is in etcd. */
const NOT_WITH_ETCD = ['api', 'kubeconfig', 'netConf'] as const

const AgentConfigSchema = v.pipe(
  v.strictObject(fields, issue =>
    issue.expected === 'never' ? 'unknown key' : `expected keys and values, found ${issue.received}`,
  ),
  v.rawCheck(({ dataset, addIssue }) => {
    if (!dataset.typed) return
    const config = dataset.value
    if ((config.etcdCertFile === undefined) !== (config.etcdKeyFile === undefined))
      addIssue({ message: 'expected both etcdCertFile and etcdKeyFile, or none of them' })
    const passwords = [config.etcdPasswordFile, config.etcdPassword].filter(text => text !== undefined)
    if (passwords.length !== (config.etcdUsername === undefined ? 0 : 1)) {
      const message = 'expected etcdUsername with one of etcdPasswordFile and etcdPassword, or none of them'
      addIssue({ message })
    }
    for (const key of config.etcdEndpoints === undefined ? [] : NOT_WITH_ETCD) {
      if (config[key] !== undefined)
        addIssue({ message: `expected etcdEndpoints or ${key}, found both: a node is in one network` })
    }
    if (config.etcdEndpoints !== undefined && config.setNetworkAvailable) {
      const why = 'etcd has no conditions of Nodes'
      addIssue({ message: `expected etcdEndpoints or setNetworkAvailable, found both: ${why}` })
    }
  }),
)

export type AgentConfig = v.InferOutput<typeof AgentConfigSchema>

/** Validates what came from the command line and the config file; throws `agent.config` that names each fault. */
export function parseAgentConfig(input: unknown): AgentConfig {
  const parsed = v.safeParse(AgentConfigSchema, input)
  if (parsed.success) return parsed.output
  const unknown = parsed.issues.some(({ expected }) => expected === 'never')
  const hint = unknown ? `; known keys: ${Object.keys(fields).join(', ')}` : ''
  throw new PodlaceError(
    'read the agent configuration',
    `the agent configuration is not valid: ${issuesText(parsed.issues)}${hint}`,
    { code: 'agent.config' },
  )
}
