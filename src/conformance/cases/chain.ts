import type { ConformanceCase, Needs } from '../case.ts'
import { bridge, hostLocal, SPEC } from '../configs.ts'
import { expectEqual, expectError, expectSuccess, expectThat } from '../expect.ts'
import { OUTSIDE, UPLINK } from '../fake-host.ts'
import { observeLink } from '../observe.ts'
import type { AttachOptions, World } from '../world.ts'
import { deletesWithoutNamespace, deletesWithoutResult, type LifeSubject } from './life.ts'
import { expectNoLink } from './links.ts'

const NEEDS: Needs = {
  plugins: ['bridge', 'host-local', 'tuning', 'bandwidth', 'portmap', 'firewall'],
  kernel: ['bridge', 'veth', 'nat', 'tbf', 'ifb'],
}

/** What a runtime's usual list looks like, with everything in it. */
function network(world: World) {
  const ipam = hostLocal(world, { routes: [{ dst: '0.0.0.0/0' }] })
  return world.network(
    bridge(world, { ipMasq: true, hairpinMode: true, ipam }),
    { type: 'tuning', mtu: 1400, sysctl: { 'net.ipv4.ip_default_ttl': '77' } },
    { type: 'bandwidth', capabilities: { bandwidth: true } },
    { type: 'portmap', capabilities: { portMappings: true } },
    { type: 'firewall' },
  )
}

const ARGS: AttachOptions = {
  args: 'IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=web',
  capabilityArgs: {
    portMappings: [{ hostPort: 8080, containerPort: 80, protocol: 'tcp' }],
    bandwidth: {
      ingressRate: 80_000_000,
      ingressBurst: 8_000_000,
      egressRate: 80_000_000,
      egressBurst: 8_000_000,
    },
    dns: { servers: ['10.1.0.1'] },
  },
}

const LIFE: LifeSubject = {
  type: 'chain',
  needs: NEEDS,
  attach: world => world.attach(network(world), ARGS),
}

export const chainCases: readonly ConformanceCase[] = [
  {
    id: 'chain.add.all',
    title: 'bridge, tuning, bandwidth, portmap and firewall: each does its part',
    source: 'SPEC 1.1.0 section 3 "Attaching an individual network"',
    needs: NEEDS,
    async run(world) {
      const { pod } = await world.attach(network(world), ARGS)
      expectEqual('MTU of eth0', (await observeLink(pod, 'eth0'))?.mtu, 1400)
      await world.serve(pod, 'tcp', 80)
      await world.serve(world.host.outside, 'udp', 9000)
      expectEqual('source seen outside', await world.visit(pod, OUTSIDE.ipv4, 9000), UPLINK.ipv4)
      const seen = await world.visit(world.host.outside, UPLINK.ipv4, 8080, 'tcp')
      expectEqual('source seen by the mapped port', seen, OUTSIDE.ipv4)
    },
  },
  {
    id: 'chain.add.result',
    title: 'the last result has what the first plugin gave: container end, address, gateway, routes',
    source: SPEC.derive,
    needs: NEEDS,
    async run(world) {
      const { result, pod } = await world.attach(network(world), ARGS)
      const inside = result.interfaces.filter(({ sandbox }) => sandbox === pod.path).map(({ name }) => name)
      expectEqual('interfaces in the sandbox', inside, ['eth0'])
      const [ip] = result.ips
      expectEqual('address and gateway', [ip?.address, ip?.gateway], ['10.22.0.2/24', '10.22.0.1'])
      expectEqual(
        'name of the interface with the address',
        result.interfaces[ip?.interface ?? -1]?.name,
        'eth0',
      )
      expectEqual(
        'routes',
        result.routes.map(({ dst }) => dst),
        ['0.0.0.0/0'],
      )
    },
  },
  {
    id: 'chain.check.all',
    title: 'CHECK of the whole list succeeds',
    source: 'SPEC 1.1.0 section 3 "Checking an attachment"',
    needs: NEEDS,
    async run(world) {
      const attachment = await world.attach(network(world), ARGS)
      await attachment.mustCheck()
    },
  },
  {
    id: 'chain.del.all',
    title: 'DEL of the whole list succeeds, twice, and leaves nothing',
    source: 'SPEC 1.1.0 section 3 "Deleting an attachment"',
    needs: NEEDS,
    async run(world) {
      const attachment = await world.attach(network(world), ARGS)
      await attachment.mustDel()
      await expectNoLink('eth0 in the container', attachment.pod, 'eth0')
      await attachment.mustDel()
    },
  },
  deletesWithoutNamespace(LIFE),
  deletesWithoutResult(LIFE),
  {
    id: 'chain.add.late-failure',
    title: 'a list whose last plugin fails is taken back by DEL, and nothing stays',
    source: 'SPEC 1.1.0 section 3: DEL after an ADD that failed',
    needs: NEEDS,
    async run(world) {
      const whole = network(world)
      const broken = {
        ...whole,
        plugins: [...whole.plugins, { type: 'tuning', sysctl: { 'kernel.x': '1' } }],
      }
      const attachment = await world.attachment(broken, ARGS)
      expectError(await attachment.add())
      await attachment.mustDel()
    },
  },
  {
    id: 'chain.gc.all',
    title: 'GC of the whole list takes the stale attachment away and keeps the other one',
    source: SPEC.gc,
    needs: { ...NEEDS, speaks: '1.1.0' },
    async run(world) {
      const stays = await world.attach(network(world), ARGS)
      const stale = await world.attach(network(world))
      await stale.pod.remove()
      await world.collectGarbage(network(world), [stays])
      stale.deleted = true
      await stays.mustCheck()
    },
  },
  {
    id: 'chain.status.all',
    title: 'STATUS of each plugin of the list succeeds',
    source: SPEC.status,
    needs: { ...NEEDS, speaks: '1.1.0' },
    async run(world) {
      const list = network(world)
      for (const plugin of list.plugins) expectSuccess(await world.status(list, plugin))
    },
  },
  {
    id: 'chain.add.eight',
    title: 'eight containers at once through the whole list: all succeed; eight DELs leave nothing',
    source: 'SPEC 1.1.0 section 3: operations on different containers may run at once',
    needs: NEEDS,
    async run(world) {
      const list = network(world)
      const all = await Promise.all(Array.from({ length: 8 }, () => world.attachment(list)))
      for (const reply of await Promise.all(all.map(one => one.add()))) expectSuccess(reply)
      const addresses = new Set(all.map(({ address }) => address))
      expectThat('different addresses', addresses.size === 8, '8', addresses)
      for (const reply of await Promise.all(all.map(one => one.del()))) expectSuccess(reply)
    },
  },
]
