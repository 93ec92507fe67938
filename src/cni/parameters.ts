import { linkNameFault } from '../ip/index.ts'
import { cniError } from './errors.ts'
import { CNI_COMMANDS, type CniCommand } from './versions.ts'

/** The pod an attachment belongs to, as a Kubernetes runtime names it in CNI_ARGS. */
export interface PodIdentity {
  readonly namespace: string
  readonly name: string
  readonly uid?: string
}

/** The parameters of one call, from its `CNI_*` environment. Which are there depends on the verb. */
export interface CniParameters {
  readonly command: CniCommand
  /** Empty for GC, STATUS and VERSION. */
  readonly containerId: string
  /** Empty for GC, STATUS and VERSION. */
  readonly ifName: string
  /** Path of the namespace, for display and results; on DEL it may be absent. */
  readonly netns?: string
  /** CNI_ARGS, all pairs. */
  readonly args: ReadonlyMap<string, string>
  readonly pod?: PodIdentity
  /** CNI_PATH, split. */
  readonly path: readonly string[]
  /** The runtime says that the namespace may be the host's own (CNI_NETNS_OVERRIDE). */
  readonly netnsOverride: boolean
}

/** Which variables a verb cannot do without. CNI_PATH is not among them: we start no other plugin from it. */
const REQUIRED: Readonly<Record<CniCommand, readonly string[]>> = {
  ADD: ['CNI_CONTAINERID', 'CNI_NETNS', 'CNI_IFNAME'],
  CHECK: ['CNI_CONTAINERID', 'CNI_NETNS', 'CNI_IFNAME'],
  DEL: ['CNI_CONTAINERID', 'CNI_IFNAME'],
  GC: [],
  STATUS: [],
  VERSION: [],
}

/** Keys of CNI_ARGS that are known; another one is refused unless IgnoreUnknown is set (CONVENTIONS.md). */
const KNOWN_ARGS: ReadonlySet<string> = new Set([
  'IgnoreUnknown',
  'K8S_POD_NAMESPACE',
  'K8S_POD_NAME',
  'K8S_POD_INFRA_CONTAINER_ID',
  'K8S_POD_UID',
  'IP',
  'GATEWAY',
  'MAC',
])

/** Container ids and network names (libcni `pkg/utils`). */
export const IDENTIFIER = /^[A-Za-z0-9][A-Za-z0-9_.-]*$/

/** DNS-1123 subdomain: what Kubernetes allows as a pod's name, and more than it allows for a namespace. */
const KUBERNETES_NAME = /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/

const TRUE_TEXTS: ReadonlySet<string> = new Set(['1', 't', 'T', 'true', 'TRUE', 'True'])

/**
 * Reads and validates the environment of a call. Throws `cni.invalid-environment` (4) that names the variable.
 */
export function parseParameters(environment: ReadonlyMap<string, string>): CniParameters {
  const command = parseCommand(environment.get('CNI_COMMAND'))
  const missing = REQUIRED[command].filter(name => (environment.get(name) ?? '') === '')
  if (missing.length > 0) throw invalid(`${command} needs the environment variables ${missing.join(', ')}`)
  const containerId = environment.get('CNI_CONTAINERID') ?? ''
  const ifName = environment.get('CNI_IFNAME') ?? ''
  if (REQUIRED[command].length > 0) {
    checkContainerId(containerId)
    checkInterfaceName(ifName)
  }
  const netns = environment.get('CNI_NETNS') ?? ''
  const args = parseArgs(environment.get('CNI_ARGS') ?? '')
  const pod = podIdentity(args)
  return {
    command,
    containerId,
    ifName,
    args,
    path: (environment.get('CNI_PATH') ?? '').split(':').filter(part => part !== ''),
    netnsOverride: TRUE_TEXTS.has(environment.get('CNI_NETNS_OVERRIDE') ?? ''),
    ...(netns === '' ? {} : { netns }),
    ...(pod === undefined ? {} : { pod }),
  }
}

/** The verb; a runtime of a newer specification may know one that we do not. */
function parseCommand(text: string | undefined): CniCommand {
  const command = CNI_COMMANDS.find(known => known === text)
  if (command !== undefined) return command
  const found = text === undefined ? 'is not set' : `is ${JSON.stringify(text)}`
  throw invalid(`CNI_COMMAND ${found}: it must be one of ${CNI_COMMANDS.join(', ')}`)
}

/** Throws `cni.invalid-environment` (4). */
export function checkContainerId(text: string): void {
  if (IDENTIFIER.test(text)) return
  throw invalid(
    `CNI_CONTAINERID ${JSON.stringify(text)} is not a container id: it starts with a letter or a digit and goes ` +
      "on with letters, digits, '_', '.' and '-'",
  )
}

/** Throws `cni.invalid-environment` (4). */
export function checkInterfaceName(text: string): void {
  const fault = linkNameFault(text)
  if (fault === undefined) return
  throw invalid(`CNI_IFNAME ${JSON.stringify(text)} cannot name an interface: ${fault}`)
}

/** CNI_ARGS: `KEY=VALUE;KEY=VALUE`, in their order. Throws `cni.invalid-environment` (4). */
export function splitArgs(text: string): readonly (readonly [key: string, value: string])[] {
  const pairs: (readonly [key: string, value: string])[] = []
  for (const pair of text.split(';')) {
    if (pair === '') continue
    const at = pair.indexOf('=')
    if (at <= 0) throw invalid(`CNI_ARGS holds ${JSON.stringify(pair)}, which is not KEY=VALUE`)
    pairs.push([pair.slice(0, at), pair.slice(at + 1)])
  }
  return pairs
}

/** CNI_ARGS whose keys are known, or may be unknown. */
function parseArgs(text: string): ReadonlyMap<string, string> {
  const args = new Map(splitArgs(text))
  if (TRUE_TEXTS.has(args.get('IgnoreUnknown') ?? '')) return args
  const unknown = [...args.keys()].filter(key => !KNOWN_ARGS.has(key))
  if (unknown.length > 0) {
    throw invalid(
      `CNI_ARGS has unknown keys ${unknown.join(', ')}: known are ${[...KNOWN_ARGS].join(', ')}; ` +
        'IgnoreUnknown=1 lets others pass',
    )
  }
  return args
}

/** Names of the pod go into aliases, messages and the journal: what could not be a name is refused here. */
function podIdentity(args: ReadonlyMap<string, string>): PodIdentity | undefined {
  const name = args.get('K8S_POD_NAME') ?? ''
  const namespace = args.get('K8S_POD_NAMESPACE') ?? ''
  const uid = args.get('K8S_POD_UID') ?? ''
  // podman gives the name of its container without a namespace: that names no pod.
  if (name === '' || namespace === '') return undefined
  checkKubernetesName('K8S_POD_NAME', name)
  checkKubernetesName('K8S_POD_NAMESPACE', namespace)
  if (uid === '') return { namespace, name }
  if (!IDENTIFIER.test(uid)) throw invalid(`K8S_POD_UID ${JSON.stringify(uid)} in CNI_ARGS is no uid`)
  return { namespace, name, uid }
}

function checkKubernetesName(key: string, value: string): void {
  if (!KUBERNETES_NAME.test(value))
    throw invalid(`${key} ${JSON.stringify(value)} in CNI_ARGS is no Kubernetes name`)
}

function invalid(message: string) {
  return cniError('invalid-environment', 'read the CNI environment', message)
}
