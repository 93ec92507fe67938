import { inside, startDaemon } from './holder.ts'
import { httpRequest } from './http.ts'
import type { Lab } from './lab.ts'
import { API_PORT, apiUrl, controlAddress, NODE_PATHS } from './layout.ts'
import type { LabNode } from './state.ts'
import { withoutRoot } from './without-root.ts'
import { WorkloadClient } from './workload/client.ts'

const PODLACE = [NODE_PATHS.node, NODE_PATHS.bundle]

/** Only for one that lives and does not get ready: who waits for one that has ended gives up at once. */
const START_TIMEOUT_MS = 120_000

/** Starts a daemon of the lab, records it, and returns when it was recorded (not when it is ready). */
async function start(lab: Lab, role: string, argv: readonly string[]): Promise<void> {
  const options = { logFile: lab.paths.log(role), env: lab.processEnvironment() }
  lab.file.setProcess(role, await startDaemon(role, argv, options))
}

/** `podlace apiserver` in the control namespace, its database in the lab's directory. Ready when it answers. */
export async function startApiServer(lab: Lab): Promise<void> {
  lab.environment.progress('starting the API server')
  const listen = ['--listen', `${controlAddress()}:${API_PORT}`, '--token-file', NODE_PATHS.token]
  const data = ['--data', `${NODE_PATHS.state}/store.sqlite`]
  const argv = [...inside(lab.process('control'), 'net+mount'), ...withoutRoot(), ...PODLACE]
  await start(lab, 'apiserver', [...argv, 'apiserver', ...listen, ...data])
  await lab.waitFor('the API server to answer', 'apiserver', START_TIMEOUT_MS, () => lab.api().list('Node'))
}

/** `podlace controller` in the control namespace. Its work shows in the Nodes. */
export async function startController(lab: Lab): Promise<void> {
  const argv = [...inside(lab.process('control'), 'net+mount'), ...withoutRoot(), ...PODLACE]
  await start(lab, 'controller', [...argv, 'controller', '--api', apiUrl(), '--token-file', NODE_PATHS.token])
}

/** `podlace agent` on a node, with CAP_NET_ADMIN and nothing else. */
export async function startAgent(lab: Lab, node: LabNode): Promise<void> {
  const argv = [...inside(lab.holder(node), 'net+mount'), ...withoutRoot('net_admin'), ...PODLACE]
  const options = {
    'node-name': node.name,
    api: apiUrl(),
    'token-file': NODE_PATHS.token,
    socket: NODE_PATHS.cniSocket,
    'admin-socket': NODE_PATHS.adminSocket,
    'state-dir': NODE_PATHS.state,
  }
  const flags = Object.entries(options).flatMap(([name, value]) => [`--${name}`, value])
  await start(lab, `agent ${node.name}`, [...argv, 'agent', ...flags])
}

/** Resolves when the node's agent says on its admin socket that it is ready. */
export async function agentReady(lab: Lab, node: LabNode): Promise<void> {
  await lab.waitFor(
    `the agent of ${node.name} to be ready`,
    `agent ${node.name}`,
    START_TIMEOUT_MS,
    async () => {
      const answer = await agentGet(lab, node, '/readyz')
      if (answer.status === 200) return true
      throw new Error(`/readyz answers ${answer.status}: ${answer.body.trim().slice(0, 300)}`)
    },
  )
}

/** GET on the agent's admin socket. */
export function agentGet(lab: Lab, node: LabNode, path: string) {
  return httpRequest({ socketPath: lab.adminSocket(node) }, { method: 'GET', path })
}

/** The one process that serves echo in every pod and probes from them, as root in the machine's mount namespace. */
export async function startWorkload(lab: Lab): Promise<void> {
  const { packageRoot, nodeBinary } = lab.environment
  const program = [nodeBinary, `${packageRoot}/dist/podlace.mjs`]
  await start(lab, 'workload', [...program, 'lab', 'workload', '--socket', lab.paths.workloadSocket])
  await lab.waitFor('the workload process to listen', 'workload', START_TIMEOUT_MS, async () => {
    const client = await WorkloadClient.open(lab.paths.workloadSocket)
    client.close()
    return true
  })
}
