import {
  blob,
  field,
  flag,
  integer,
  list,
  type Message,
  message,
  nested,
  text,
  textMap,
  texts,
  type ValueOf,
} from '../grpc/index.ts'

/** The part of the CRI that we speak: package `runtime.v1` of kubernetes/cri-api, `api.proto`. */

const podSandboxMetadata = message({
  name: field(1, text),
  uid: field(2, text),
  namespace: field(3, text),
  attempt: field(4, integer),
})

const linuxPodSandboxConfig = message({ cgroupParent: field(1, text) })

const podSandboxConfig = message({
  metadata: nested(1, podSandboxMetadata),
  hostname: field(2, text),
  logDirectory: field(3, text),
  labels: textMap(6),
  annotations: textMap(7),
  linux: nested(8, linuxPodSandboxConfig),
})
export type PodSandboxConfig = ValueOf<typeof podSandboxConfig>

/** `PodSandboxState`. */
export const SANDBOX_READY = 0

const podIp = message({ ip: field(1, text) })
const podSandboxNetworkStatus = message({ ip: field(1, text), additionalIps: list(2, podIp) })

const podSandboxStatus = message({
  id: field(1, text),
  metadata: nested(2, podSandboxMetadata),
  state: field(3, integer),
  network: nested(5, podSandboxNetworkStatus),
})

const podSandbox = message({
  id: field(1, text),
  metadata: nested(2, podSandboxMetadata),
  state: field(3, integer),
})

const imageSpec = message({ image: field(1, text) })
const image = message({ id: field(1, text), repoTags: texts(2) })
const containerMetadata = message({ name: field(1, text), attempt: field(2, integer) })
const keyValue = message({ key: field(1, text), value: field(2, text) })

const containerConfig = message({
  metadata: nested(1, containerMetadata),
  image: nested(2, imageSpec),
  command: texts(3),
  args: texts(4),
  envs: list(6, keyValue),
})
export type ContainerConfig = ValueOf<typeof containerConfig>

const runtimeCondition = message({
  /** `RuntimeReady` or `NetworkReady`. */
  type: field(1, text),
  status: field(2, flag),
  reason: field(3, text),
  message: field(4, text),
})
export type RuntimeCondition = ValueOf<typeof runtimeCondition>

const empty = message({})
const sandboxId = message({ podSandboxId: field(1, text) })
const containerId = message({ containerId: field(1, text) })

const method = <Request, Response>(path: string, request: Message<Request>, response: Message<Response>) => ({
  path,
  request,
  response,
})

const runtime = '/runtime.v1.RuntimeService'

/** Name, request and response of each call. */
export const METHODS = {
  version: method(
    `${runtime}/Version`,
    message({ version: field(1, text) }),
    message({
      runtimeName: field(2, text),
      runtimeVersion: field(3, text),
      runtimeApiVersion: field(4, text),
    }),
  ),
  status: method(
    `${runtime}/Status`,
    empty,
    message({ status: nested(1, message({ conditions: list(1, runtimeCondition) })) }),
  ),
  runPodSandbox: method(
    `${runtime}/RunPodSandbox`,
    message({ config: nested(1, podSandboxConfig) }),
    sandboxId,
  ),
  stopPodSandbox: method(`${runtime}/StopPodSandbox`, sandboxId, empty),
  removePodSandbox: method(`${runtime}/RemovePodSandbox`, sandboxId, empty),
  podSandboxStatus: method(
    `${runtime}/PodSandboxStatus`,
    message({ podSandboxId: field(1, text), verbose: field(2, flag) }),
    message({ status: nested(1, podSandboxStatus), info: textMap(2) }),
  ),
  listPodSandbox: method(`${runtime}/ListPodSandbox`, empty, message({ items: list(1, podSandbox) })),
  createContainer: method(
    `${runtime}/CreateContainer`,
    message({
      podSandboxId: field(1, text),
      config: nested(2, containerConfig),
      sandboxConfig: nested(3, podSandboxConfig),
    }),
    containerId,
  ),
  startContainer: method(`${runtime}/StartContainer`, containerId, empty),
  containerStatus: method(
    `${runtime}/ContainerStatus`,
    message({ containerId: field(1, text), verbose: field(2, flag) }),
    message({ info: textMap(2) }),
  ),
  execSync: method(
    `${runtime}/ExecSync`,
    message({ containerId: field(1, text), command: texts(2), timeoutSeconds: field(3, integer) }),
    message({ stdout: field(1, blob), stderr: field(2, blob), exitCode: field(3, integer) }),
  ),
  imageStatus: method(
    '/runtime.v1.ImageService/ImageStatus',
    message({ image: nested(1, imageSpec) }),
    message({ image: nested(1, image) }),
  ),
} as const
