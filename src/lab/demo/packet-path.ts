import { hasRoutePerNode } from '../settings.ts'
import { labTrace } from '../trace-world.ts'
import { type DemoStep, labOf } from './step.ts'

export const packetPath: DemoStep = {
  name: 'packet-path',
  title: "one packet's way",
  async run(context) {
    const lab = labOf(context)
    if (!hasRoutePerNode(lab.state.settings.backend)) return undefined
    const [first, last] = [lab.state.nodes[0], lab.state.nodes.at(-1)]
    const [from] = first === undefined ? [] : lab.podsOf(first)
    const [to] = last === undefined ? [] : lab.podsOf(last)
    if (from === undefined || to === undefined)
      throw new Error('there are no pods on the first and last node')
    const trace = await labTrace(lab, from.name, to.name)
    return {
      ok: trace.verdict === 'reached',
      headline: `one packet, ${from.name} → ${to.name}:`,
      details: stepLines(trace.steps),
    }
  },
}

/** Three columns: where, what happens, and the object that accounts for it (the first; `lab trace` has them all). */
export function stepLines(
  steps: readonly {
    readonly where: string
    readonly what: string
    readonly because: readonly string[]
  }[],
): string[] {
  const whereWidth = Math.max(...steps.map(({ where }) => where.length))
  const whatWidth = Math.max(...steps.map(({ what }) => what.length))
  return steps.map(({ where, what, because }) =>
    `${where.padEnd(whereWidth)}   ${what.padEnd(whatWidth)}   ${because[0] ?? ''}`.trimEnd(),
  )
}
