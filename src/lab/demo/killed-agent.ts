import { sleep } from '../../base/index.ts'
import { agentWrites, killAgent, restartAgent } from '../faults/agent.ts'
import { changeLab } from '../membership.ts'
import { formatCount } from './format.ts'
import { type DemoStep, labOf } from './step.ts'

const PACE = { intervalMs: 2, timeoutMs: 1_000 }
/** Pings before the kill and after the new agent is ready. */
const CALM_MS = 700

/** SIGKILL to an agent while pods on its node are pinged: the kernel goes on without it, the next one just looks. */
export const killedAgent: DemoStep = {
  name: 'killed-agent',
  title: 'agent killed with SIGKILL while pods are pinged',
  async run(context) {
    const lab = labOf(context)
    const { environment, options } = context
    const [from, , to] = lab.state.pods
    const victim = lab.node(to?.node ?? 'node-2')
    const address = to?.addresses[0]
    if (from === undefined || address === undefined) throw new Error('there are no pods to ping')
    const workload = await lab.workload()
    try {
      const stream = await workload.startStream(from.name, address, PACE)
      const calm = () => sleep(environment.clock, CALM_MS, environment.signal)
      await calm()
      const writes = await changeLab(environment, options.name, async current => {
        context.lab = current
        await killAgent(current, victim)
        await calm()
        await restartAgent(current, victim)
        return agentWrites(current, victim)
      })
      await calm()
      const { sent, lost, firstLoss } = await stream.stop()
      const wrote = writes === undefined ? 'does not say what it wrote' : `wrote ${writes} changes`
      return {
        ok: lost === 0 && writes === 0,
        headline: `agent of ${victim.name} killed: ${formatCount(lost)} of ${formatCount(sent)} pings lost; new agent ${wrote}`,
        details: firstLoss === undefined ? [] : [`first loss: ${firstLoss}`],
      }
    } finally {
      workload.close()
    }
  },
}
