import type { ConformanceCase, Needs } from '../case.ts'
import { documentation, SPEC } from '../configs.ts'
import { expectDefined, expectEqual, expectError, expectIncludes } from '../expect.ts'
import { observeLink } from '../observe.ts'
import { deletesWithoutNamespace } from './life.ts'

const NEEDS: Needs = { plugins: ['loopback'] }
const DOCS = documentation('loopback')
const LO = { ifname: 'lo' } as const

export const loopbackCases: readonly ConformanceCase[] = [
  {
    id: 'loopback.add.up',
    title: 'lo is up and answers',
    source: DOCS,
    needs: NEEDS,
    async run(world) {
      const { pod } = await world.attach(world.network({ type: 'loopback' }), LO)
      expectIncludes('flags of lo', expectDefined('lo', await observeLink(pod, 'lo')).flags, 'UP')
      await world.serve(pod, 'udp', 9000)
      expectEqual('source seen', await world.visit(pod, '127.0.0.1', 9000), '127.0.0.1')
    },
  },
  {
    id: 'loopback.add.result',
    title: 'the result lists lo in its sandbox, with 127.0.0.1/8',
    source: `${DOCS}, ${SPEC.result}`,
    needs: NEEDS,
    async run(world) {
      const { pod, result } = await world.attach(world.network({ type: 'loopback' }), LO)
      expectEqual(
        'interfaces',
        result.interfaces.map(({ name, sandbox }) => [name, sandbox]),
        [['lo', pod.path]],
      )
      expectIncludes(
        'addresses',
        result.ips.map(({ address }) => address),
        '127.0.0.1/8',
      )
    },
  },
  {
    id: 'loopback.add.other-name',
    title: 'CNI_IFNAME is not minded: it is always lo',
    source: DOCS,
    needs: NEEDS,
    async run(world) {
      const { pod } = await world.attach(world.network({ type: 'loopback' }))
      expectIncludes('flags of lo', expectDefined('lo', await observeLink(pod, 'lo')).flags, 'UP')
    },
  },
  {
    id: 'loopback.add.previous-result',
    title: 'in a chain the previous result is passed on',
    source: SPEC.derive,
    needs: { plugins: ['loopback', 'static'] },
    async run(world) {
      const ipam = { type: 'static', addresses: [{ address: '10.22.0.5/24' }] }
      const { result } = await world.attach(world.network({ type: 'static', ipam }, { type: 'loopback' }), LO)
      expectEqual(
        'addresses',
        result.ips.map(({ address }) => address),
        ['10.22.0.5/24'],
      )
    },
  },
  {
    id: 'loopback.add.no-namespace',
    title: 'a namespace that is not there is an error',
    source: SPEC.add,
    needs: NEEDS,
    async run(world) {
      const pod = await world.pod()
      await pod.remove()
      const attachment = await world.attachment(world.network({ type: 'loopback' }), { ...LO, pod })
      expectError(await attachment.add())
    },
  },
  {
    id: 'loopback.del.twice',
    title: 'DEL twice: both succeed',
    source: SPEC.del,
    needs: NEEDS,
    async run(world) {
      const attachment = await world.attach(world.network({ type: 'loopback' }), LO)
      await attachment.mustDel()
      await attachment.mustDel()
    },
  },
  deletesWithoutNamespace({
    type: 'loopback',
    needs: NEEDS,
    attach: world => world.attach(world.network({ type: 'loopback' }), LO),
  }),
  {
    id: 'loopback.check.down',
    title: 'CHECK succeeds, and is an error when lo is down',
    source: SPEC.check,
    needs: NEEDS,
    async run(world) {
      const attachment = await world.attach(world.network({ type: 'loopback' }), LO)
      await attachment.mustCheck()
      await attachment.pod.ip('link set lo down')
      expectError(await attachment.check())
    },
  },
]
