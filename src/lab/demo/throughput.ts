import { median } from '../../probe/index.ts'
import { handMadeWay, makeByHand } from '../by-hand.ts'
import { throwIfInterrupted } from '../errors.ts'
import { whereArgv } from '../exec.ts'
import { type IperfEnd, measureThroughput } from '../iperf.ts'
import type { Lab } from '../lab.ts'
import { checkTools } from '../program.ts'
import type { LabNode } from '../state.ts'
import { formatBitrate, inGbits } from './format.ts'
import { type DemoStep, labOf } from './step.ts'

const ROUNDS = 3
const SECONDS = 1

/**
 * Pod to pod on different nodes, beside the same overlay made by hand and the bare underlay: one after another in
 * each round, so that a busy moment of the machine does not fall on one alone. Medians.
 */
export const throughput: DemoStep = {
  name: 'throughput',
  title: 'TCP throughput between nodes',
  async run(context) {
    checkTools(['iperf3', 'nft'])
    const lab = labOf(context)
    const hand = await makeByHand(lab)
    try {
      const ways = { pods: podEnds(lab), hand: hand.ends, bare: nodeEnds(lab) }
      const rates = await measureInTurns(lab, ways)
      const ratio = rates.pods / rates.hand
      const way = handMadeWay(lab.state.settings.backend)
      return {
        ok: true,
        headline:
          `throughput ${formatBitrate(rates.pods)}, ${way} by hand ${inGbits(rates.hand)} ` +
          `(${ratio.toFixed(2)}), bare underlay ${inGbits(rates.bare)}`,
      }
    } finally {
      await hand.remove()
    }
  },
}

type Ends = readonly [client: IperfEnd, server: IperfEnd]
type Way = 'pods' | 'hand' | 'bare'

async function measureInTurns(lab: Lab, ways: Record<Way, Ends>): Promise<Record<Way, number>> {
  const rates: Record<Way, number[]> = { pods: [], hand: [], bare: [] }
  const order: readonly Way[] = ['pods', 'hand', 'bare']
  for (let round = 1; round <= ROUNDS; round += 1) {
    for (const way of order) {
      throwIfInterrupted(lab.environment.signal)
      lab.environment.progress(`round ${round} of ${ROUNDS}, ${way}`)
      const [client, server] = ways[way]
      const options = { seconds: SECONDS, env: lab.processEnvironment() }
      rates[way].push(await measureThroughput(way, client, server, options))
    }
  }
  return { pods: median(rates.pods), hand: median(rates.hand), bare: median(rates.bare) }
}

/** The first pod of the first node, and of the last one. */
function podEnds(lab: Lab): Ends {
  const podOf = (node: LabNode | undefined): IperfEnd => {
    const pod = node === undefined ? undefined : lab.podsOf(node)[0]
    const address = pod?.addresses[0]
    if (pod === undefined || address === undefined)
      throw new Error('a pod on the first and the last node is needed')
    return { argv: whereArgv(lab, pod.name), address }
  }
  return [podOf(lab.state.nodes[0]), podOf(lab.state.nodes.at(-1))]
}

function nodeEnds(lab: Lab): Ends {
  const [first, last] = [lab.state.nodes[0], lab.state.nodes.at(-1)]
  if (first === undefined || last === undefined) throw new Error('there are no nodes')
  return [nodeEnd(lab, first), nodeEnd(lab, last)]
}

function nodeEnd(lab: Lab, node: LabNode): IperfEnd {
  return { argv: whereArgv(lab, node.name), address: node.address }
}
