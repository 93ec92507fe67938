import { isRecord } from '../api-client.ts'
import { agentGet, agentReady, startAgent } from '../daemons.ts'
import type { Lab, LabEnvironment } from '../lab.ts'
import { changeLab } from '../membership.ts'
import { isAlive, signalProcess } from '../process-identity.ts'
import { type LabNode, processOf } from '../state.ts'
import { waitFor } from '../wait.ts'

/** SIGKILL to a node's agent; resolves when it is dead. One that is dead already is fine. */
export async function killAgent(lab: Lab, node: LabNode): Promise<void> {
  const identity = processOf(lab.state, `agent ${node.name}`)
  if (identity === undefined) return
  signalProcess(identity, 'SIGKILL')
  const { clock, signal } = lab.environment
  await waitFor(`the agent of ${node.name} to end`, { clock, signal, timeoutMs: 5_000 }, () =>
    isAlive(identity) ? undefined : true,
  )
}

/** Starts a new agent where the old one is dead, and waits until it is ready. Milliseconds until then. */
export async function restartAgent(lab: Lab, node: LabNode): Promise<number> {
  const { clock } = lab.environment
  const startMs = clock.nowMs()
  await startAgent(lab, node)
  await agentReady(lab, node)
  return clock.nowMs() - startMs
}

/** The agent's `/status`. */
async function agentStatus(lab: Lab, node: LabNode): Promise<Readonly<Record<string, unknown>>> {
  const answer = await agentGet(lab, node, '/status')
  const status: unknown = JSON.parse(answer.body)
  return isRecord(status) ? status : {}
}

/** How many changes the agent has written to the kernel since it started; undefined if it does not say. */
export async function agentWrites(lab: Lab, node: LabNode): Promise<number | undefined> {
  const { kernel } = await agentStatus(lab, node)
  const operations = isRecord(kernel) ? kernel['operations'] : undefined
  return typeof operations === 'number' ? operations : undefined
}

export interface KillReport {
  readonly node: string
  /** Absent if no new agent was started. */
  readonly readyAfterMs?: number
  /** Changes the new agent wrote. */
  readonly writes?: number
}

/** `podlace lab fault kill-agent`. */
export function labKillAgent(
  environment: LabEnvironment,
  labName: string,
  nodeName: string,
  how: { readonly restart: boolean },
): Promise<KillReport> {
  return changeLab(environment, labName, async lab => {
    const node = lab.node(nodeName)
    await killAgent(lab, node)
    if (!how.restart) return { node: nodeName }
    const readyAfterMs = await restartAgent(lab, node)
    const writes = await agentWrites(lab, node)
    return { node: nodeName, readyAfterMs, ...(writes === undefined ? {} : { writes }) }
  })
}
