import type { RouteEvent } from '../../netlink/index.ts'
import { labCheck } from '../check.ts'
import type { Lab } from '../lab.ts'
import { changeLab } from '../membership.ts'
import { NodeWatch } from '../node-watch.ts'
import { registerNode } from '../nodes.ts'
import { hasRoutePerNode } from '../settings.ts'
import { podCidrs } from '../status.ts'
import { formatDuration } from './format.ts'
import { failureLines, reached } from './reachability.ts'
import { type DemoContext, type DemoStep, type StepOutcome } from './step.ts'

/** A Node object goes and comes again: its peers forget it and learn it anew, with the same block. */
export const returningNode: DemoStep = {
  name: 'returning-node',
  title: 'a node removed and added again',
  async run(context) {
    if (!hasRoutePerNode(context.options.backend)) return undefined
    return changeLab(context.environment, context.options.name, lab => {
      context.lab = lab
      return leaveAndReturn(context, lab)
    })
  },
}

async function leaveAndReturn(context: DemoContext, lab: Lab): Promise<StepOutcome> {
  const { clock, signal } = context.environment
  const leaver = lab.state.nodes.at(-1)
  const cidr = leaver === undefined ? undefined : (await podCidrs(lab)).get(leaver.name)
  if (leaver === undefined || cidr === undefined) throw new Error('there is no node with a pod CIDR')
  using watches = new DisposableStack()
  const peers = lab.state.nodes.filter(node => node !== leaver)
  const watching = peers.map(node => watches.use(new NodeWatch(lab, node)))
  /** Until the last peer has seen it. */
  const everywhere = async (what: string, sinceMs: number, matches: (event: RouteEvent) => boolean) => {
    const limits = { sinceMs, timeoutMs: 15_000, signal }
    const seen = await Promise.all(watching.map(watch => watch.event(what, matches, limits)))
    return Math.max(...seen.map(({ atMs }) => atMs)) - sinceMs
  }
  const isRoute = (change: 'new' | 'delete') => (event: RouteEvent) =>
    event.object === 'route' && event.change === change && event.value.dst === cidr
  const leftMs = clock.nowMs()
  await lab.api().delete('Node', leaver.name)
  const goneMs = await everywhere(`the end of route ${cidr}`, leftMs, isRoute('delete'))
  const returnedMs = clock.nowMs()
  await registerNode(lab, leaver)
  const backMs = await everywhere(`the return of route ${cidr}`, returnedMs, isRoute('new'))
  const report = await labCheck(lab)
  return {
    ok: report.ok,
    headline: `${leaver.name} removed and added again: peers gone in ${formatDuration(goneMs)}, back in ${formatDuration(backMs)}`,
    figures: `${reached(report)} pairs`,
    details: failureLines(report),
  }
}
