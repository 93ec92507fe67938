import type { Clock } from '../base/index.ts'
import {
  type Attachment,
  AttachmentCache,
  CniRuntime,
  type JsonObject,
  type NetworkList,
  parseNetworkList,
  runPluginProcess,
} from '../cni/index.ts'
import { isRecord } from './api-client.ts'
import { fromMachine, inside } from './holder.ts'
import { NODE_PATHS } from './layout.ts'
import type { ProcessIdentity } from './process-identity.ts'

/** What the plugins are told of a pod. */
export interface PodOnCni {
  readonly name: string
  readonly containerId: string
  /** Path of its namespace inside its node. */
  readonly netns: string
}

/** What a runtime says to the plugins about a pod's interface. */
export function attachmentOf({ name, containerId, netns }: PodOnCni, ifName = 'eth0'): Attachment {
  const args = [
    ['IgnoreUnknown', '1'],
    ['K8S_POD_NAMESPACE', 'default'],
    ['K8S_POD_NAME', name],
    ['K8S_POD_INFRA_CONTAINER_ID', containerId],
  ] as const
  return { containerId, netns, ifName, args }
}

/** The pods' network as it lies on every node, for runtimes of any age: old ones know `cniVersion` alone. */
export const POD_CONFLIST = {
  cniVersion: '1.0.0',
  cniVersions: ['1.0.0', '1.1.0'],
  name: 'podlace',
  plugins: [{ type: 'podlace' }],
}

export const POD_NETWORK = networkOf(POD_CONFLIST)

/** Runtimes bring up `lo` by a network of its own. */
export const LOOPBACK_NETWORK = networkOf({
  cniVersion: '1.1.0',
  name: 'cni-loopback',
  plugins: [{ type: 'loopback' }],
})

function networkOf(list: object): NetworkList {
  return parseNetworkList(Buffer.from(JSON.stringify(list)), 'a network of the lab')
}

/** Where ADD's results lie on a node, ours as well as those of libcni in containerd. */
function nodeCache(holder: ProcessIdentity): AttachmentCache {
  return new AttachmentCache(fromMachine(holder, NODE_PATHS.cniCache))
}

/** Longer than the shim waits for the agent. */
const PLUGIN_TIMEOUT_MS = 120_000

/** Calls CNI plugins on one node as containerd would: executes them with the node's files and network. */
export function nodeRuntime(
  holder: ProcessIdentity,
  env: Readonly<Record<string, string>>,
  clock: Clock,
): CniRuntime {
  const [file = '', ...args] = inside(holder, 'net+mount')
  return new CniRuntime({
    cache: nodeCache(holder),
    directories: [NODE_PATHS.cniBin],
    exec: ({ plugin, variables, stdin }) =>
      runPluginProcess({
        plugin,
        file,
        args: [...args, `${NODE_PATHS.cniBin}/${plugin}`],
        env: { ...env, ...variables },
        stdin,
        timeoutMs: PLUGIN_TIMEOUT_MS,
        clock,
      }),
  })
}

/** What the plugins answered to the ADD of a pod; undefined if it is not known. */
export function attachedResult(holder: ProcessIdentity, { containerId }: PodOnCni): JsonObject | undefined {
  return nodeCache(holder).read(POD_NETWORK.name, { containerId, ifName: 'eth0' })?.result
}

/** The addresses of a result (`ips[].address`), without prefix length. */
export function resultAddresses(result: JsonObject): string[] {
  const ips = result['ips']
  if (!Array.isArray(ips)) return []
  return ips.flatMap(ip => {
    const address = isRecord(ip) ? ip['address'] : undefined
    return typeof address === 'string' ? [address.replace(/\/\d+$/, '')] : []
  })
}
