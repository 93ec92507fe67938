/**
 * TCP between pods on two nodes, over entries that our agents made and over the same entries made by hand. Both pairs of
 * nodes are namespaces on one underlay; what their kernels hold is compared before anything is timed, and again after.
 */
import type { Bench } from './support/bench.ts'
import { measureInGuest } from './support/overlay-in-guest.ts'
import { measureBackend, type Plan } from './support/overlay-rows.ts'
import { buildProgram } from './support/programs.ts'

const FULL: Plan = { pairs: 3, rounds: 26, megabytes: 100, requests: 1000 }
const QUICK: Plan = { pairs: 1, rounds: 3, megabytes: 50, requests: 500 }

export const bench: Bench = {
  what: 'TCP between pods on two nodes: entries made by our agents against the same made by hand',
  canUseGuest: true,
  async run(context) {
    buildProgram('round-trip')
    const plan = context.quick ? QUICK : FULL
    return [
      ...(await measureBackend('vxlan', plan, context)),
      ...(await measureBackend('host-gw', plan, context)),
      ...(context.guest ? await measureInGuest(context) : []),
    ]
  },
}
