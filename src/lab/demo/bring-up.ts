import { segment } from '../layout.ts'
import { checkSettings } from '../settings.ts'
import { labUp } from '../up.ts'
import type { DemoStep } from './step.ts'

const NODES = 3

export const bringUp: DemoStep = {
  name: 'bring-up',
  title: `${NODES} nodes and their agents`,
  async run(context) {
    const { environment, options } = context
    const settings = checkSettings({
      name: options.name,
      backend: options.backend,
      nodes: NODES,
      podsPerNode: 0,
    })
    context.lab = await labUp(environment, settings)
    return { ok: true, headline: `underlay ${segment(1).prefix}, ${NODES} nodes, agents ready` }
  },
}
