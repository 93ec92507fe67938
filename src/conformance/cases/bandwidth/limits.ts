import type { ConformanceCase, Needs } from '../../case.ts'
import { bridge, documentation, SPEC } from '../../configs.ts'
import { expectEqual, expectError, expectThat } from '../../expect.ts'
import { observeLinks, observeQdiscs } from '../../observe.ts'
import type { AttachOptions, World } from '../../world.ts'
import {
  checksWhole,
  deletesTwice,
  deletesWithoutNamespace,
  deletesWithoutResult,
  type LifeSubject,
} from '../life.ts'
import { hostEnd } from '../links.ts'
import { BURST, EGRESS, expectDirections, INGRESS, RATE } from './flood.ts'

const NEEDS: Needs = {
  plugins: ['bridge', 'host-local', 'bandwidth'],
  kernel: ['bridge', 'veth', 'tbf', 'ifb'],
}
const DOCS = documentation('bandwidth')

function network(world: World, shaping: Readonly<Record<string, unknown>> = {}) {
  return world.network(bridge(world), { type: 'bandwidth', capabilities: { bandwidth: true }, ...shaping })
}

const asked = (bandwidth: object): AttachOptions => ({ capabilityArgs: { bandwidth } })

async function refuses(world: World, shaping: Readonly<Record<string, unknown>>): Promise<void> {
  const attachment = await world.attachment(network(world, shaping))
  expectError(await attachment.add())
}

const LIFE: LifeSubject = {
  type: 'bandwidth',
  needs: NEEDS,
  attach: world => world.attach(network(world, { ...INGRESS, ...EGRESS })),
}

export const bandwidthCases: readonly ConformanceCase[] = [
  {
    id: 'bandwidth.add.none',
    title: 'without rates nothing is held back and the previous result is the answer',
    source: DOCS,
    needs: NEEDS,
    async run(world) {
      const attachment = await world.attach(network(world))
      expectEqual('number of interfaces', attachment.result.interfaces.length, 3)
      await expectDirections(world, attachment, { ingress: false, egress: false })
    },
  },
  {
    id: 'bandwidth.add.ingress',
    title: 'ingressRate: what goes to the container is held back, what comes from it is not',
    source: DOCS,
    needs: NEEDS,
    async run(world) {
      const attachment = await world.attach(network(world, INGRESS))
      await expectDirections(world, attachment, { ingress: true, egress: false })
    },
  },
  {
    id: 'bandwidth.add.egress',
    title: 'egressRate: what comes from the container is held back, what goes to it is not',
    source: DOCS,
    needs: NEEDS,
    async run(world) {
      const attachment = await world.attach(network(world, EGRESS))
      await expectDirections(world, attachment, { ingress: false, egress: true })
    },
  },
  {
    id: 'bandwidth.add.capability',
    title: 'the capability bandwidth means the same',
    source: 'CNI conventions, "bandwidth"',
    needs: NEEDS,
    async run(world) {
      const attachment = await world.attach(network(world), asked({ ...INGRESS, ...EGRESS }))
      await expectDirections(world, attachment, { ingress: true, egress: true })
    },
  },
  {
    id: 'bandwidth.add.rate',
    title: 'the token bucket of the host end has the rate and the burst',
    source: DOCS,
    needs: NEEDS,
    async run(world) {
      const attachment = await world.attach(network(world, INGRESS))
      const { ifname } = await hostEnd(world, attachment)
      const bucket = (await observeQdiscs(world.host.network, ifname)).find(({ kind }) => kind === 'tbf')
      expectEqual('rate in bytes per second', bucket?.options['rate'], RATE / 8)
      const burst = Number(bucket?.options['burst'])
      expectThat(
        'burst in bytes',
        Math.abs(burst - BURST / 8) <= 0.05 * (BURST / 8),
        `about ${BURST / 8}`,
        burst,
      )
    },
  },
  {
    id: 'bandwidth.add.no-burst',
    title: 'a rate without a burst is refused',
    source: DOCS,
    needs: NEEDS,
    run: world => refuses(world, { ingressRate: RATE }),
  },
  {
    id: 'bandwidth.add.no-rate',
    title: 'a burst without a rate is refused',
    source: DOCS,
    needs: NEEDS,
    run: world => refuses(world, { egressBurst: BURST }),
  },
  {
    id: 'bandwidth.add.large-burst',
    title: 'a burst of 4 GiB is refused: the kernel’s field has 32 bits',
    source: DOCS,
    needs: NEEDS,
    run: world => refuses(world, { ingressRate: RATE, ingressBurst: 8 * 2 ** 32 }),
  },
  {
    id: 'bandwidth.add.negative',
    title: 'a negative rate is refused',
    source: DOCS,
    needs: NEEDS,
    run: world => refuses(world, { ingressRate: -1, ingressBurst: BURST }),
  },
  {
    id: 'bandwidth.add.no-result',
    title: 'without prevResult it is an error: it is a plugin for chains',
    source: DOCS,
    needs: { ...NEEDS, plugins: ['bandwidth'] },
    async run(world) {
      const attachment = await world.attachment(world.network({ type: 'bandwidth', ...INGRESS }))
      expectError(await attachment.add())
    },
  },
  {
    id: 'bandwidth.del.ifb',
    title: 'after DEL the host has the links that it had before',
    source: SPEC.del,
    needs: NEEDS,
    async run(world) {
      const names = async () => (await observeLinks(world.host.network)).map(({ ifname }) => ifname)
      const before = await names()
      const attachment = await world.attach(network(world, { ...INGRESS, ...EGRESS }))
      await attachment.mustDel()
      expectEqual(
        'links',
        (await names()).filter(name => name !== world.bridgeName),
        before,
      )
    },
  },
  deletesWithoutNamespace(LIFE),
  deletesWithoutResult(LIFE),
  deletesTwice(LIFE),
  checksWhole(LIFE),
  {
    id: 'bandwidth.check.no-bucket',
    title: 'CHECK notices that the shaping has gone (if it is not back by then)',
    source: SPEC.check,
    needs: NEEDS,
    async run(world) {
      const attachment = await world.attach(network(world, INGRESS))
      const { ifname } = await hostEnd(world, attachment)
      await world.host.network.output(['tc', 'qdisc', 'delete', 'dev', ifname, 'root'])
      const reply = await attachment.check()
      if (!reply.succeeded) return expectError(reply)
      const back = (await observeQdiscs(world.host.network, ifname)).some(({ kind }) => kind === 'tbf')
      expectThat('the shaping after CHECK found no fault', back, 'there', 'gone')
    },
  },
  {
    id: 'bandwidth.gc.stale',
    title: 'GC takes away the links of an attachment that is not listed',
    source: SPEC.gc,
    needs: { ...NEEDS, speaks: '1.1.0' },
    async run(world) {
      const before = (await observeLinks(world.host.network)).map(({ ifname }) => ifname)
      const attachment = await world.attach(network(world, { ...INGRESS, ...EGRESS }))
      await attachment.pod.remove()
      await world.collectGarbage(network(world, { ...INGRESS, ...EGRESS }), [])
      attachment.deleted = true
      const after = (await observeLinks(world.host.network)).map(({ ifname }) => ifname)
      expectEqual(
        'links',
        after.filter(name => name !== world.bridgeName),
        before,
      )
    },
  },
]
