import type { ConformanceCase, Needs } from '../case.ts'
import { bridge, documentation, dualStack, hostLocal, range, SPEC } from '../configs.ts'
import { expectEqual, expectError, expectThat } from '../expect.ts'
import { OUTSIDE, UPLINK } from '../fake-host.ts'
import { observeAll } from '../observe.ts'
import type { World } from '../world.ts'
import { deletesTwice, deletesWithoutNamespace, type LifeSubject } from './life.ts'

const NEEDS: Needs = { plugins: ['bridge', 'host-local', 'firewall'], kernel: ['bridge', 'veth', 'nat'] }
const DOCS = documentation('firewall')
const INGRESS_DOCS = `${DOCS}, "ingressPolicy" (v1.2)`

function network(
  world: World,
  firewall: Readonly<Record<string, unknown>> = {},
  ipam = hostLocal(world, { routes: [{ dst: '0.0.0.0/0' }] }),
) {
  return world.network(bridge(world, { ipMasq: true, ipam }), { type: 'firewall', ...firewall })
}

/** A second network of the case, on a bridge of its own. */
function otherNetwork(world: World, firewall: Readonly<Record<string, unknown>>) {
  const ipam = hostLocal(world, { ranges: [range('10.23.0.0/24')], routes: [{ dst: '0.0.0.0/0' }] })
  const { cniVersion, plugins } = world.network(bridge(world, { bridge: `${world.bridgeName}2`, ipam }), {
    type: 'firewall',
    ...firewall,
  })
  return { name: `${world.name}other`, cniVersion, plugins }
}

function forwardPolicy(verdict: 'accept' | 'drop'): string {
  const chain = `type filter hook forward priority 0; policy ${verdict};`
  const lines = ['ip', 'ip6'].flatMap(family => [
    `add table ${family} filter`,
    `add chain ${family} filter FORWARD { ${chain} }`,
  ])
  return lines.join('\n')
}

/** A host that forwards nothing unless a rule says so, as one with Docker on it. */
async function onClosedHost(world: World, run: () => Promise<void>): Promise<void> {
  const { network: host } = world.host
  await host.output(['nft', '-f', '-'], forwardPolicy('drop'))
  try {
    await run()
  } finally {
    await host.output(['nft', '-f', '-'], forwardPolicy('accept'))
  }
}

const LIFE: LifeSubject = {
  type: 'firewall',
  needs: NEEDS,
  attach: world => world.attach(world.network(bridge(world), { type: 'firewall' })),
}

export const firewallCases: readonly ConformanceCase[] = [
  {
    id: 'firewall.add.closed-host',
    title: 'control: on a host that forwards nothing, a container without the plugin reaches nobody outside',
    source: 'this suite: what the next cases rely on',
    needs: NEEDS,
    run: world =>
      onClosedHost(world, async () => {
        const whole = network(world)
        const { pod } = await world.attach({ ...whole, plugins: whole.plugins.slice(0, 1) })
        await world.serve(world.host.outside, 'udp', 9000)
        expectEqual('source seen outside', await world.visit(pod, OUTSIDE.ipv4, 9000, 'udp', 500), undefined)
      }),
  },
  {
    id: 'firewall.add.outgoing',
    title: 'on a host that forwards nothing, a container with the plugin reaches a machine outside',
    source: DOCS,
    needs: NEEDS,
    run: world =>
      onClosedHost(world, async () => {
        const { pod } = await world.attach(network(world))
        await world.serve(world.host.outside, 'udp', 9000)
        expectEqual('source seen outside', await world.visit(pod, OUTSIDE.ipv4, 9000), UPLINK.ipv4)
      }),
  },
  {
    id: 'firewall.add.outgoing-ipv6',
    title: 'so it does with IPv6',
    source: DOCS,
    needs: { ...NEEDS, kernel: ['bridge', 'veth', 'nat', 'ipv6'] },
    run: world =>
      onClosedHost(world, async () => {
        const { pod } = await world.attach(network(world, {}, dualStack(world)))
        await world.serve(world.host.outside, 'udp', 9000, 6)
        expectEqual('source seen outside', await world.visit(pod, OUTSIDE.ipv6, 9000), UPLINK.ipv6)
      }),
  },
  {
    id: 'firewall.add.passes-result',
    title: 'the previous result is the answer, unchanged',
    source: DOCS,
    needs: NEEDS,
    async run(world) {
      const { result } = await world.attach(network(world))
      expectEqual('number of interfaces and addresses', [result.interfaces.length, result.ips.length], [3, 1])
    },
  },
  {
    id: 'firewall.add.no-result',
    title: 'without prevResult it is an error: it is a plugin for chains',
    source: DOCS,
    needs: { ...NEEDS, plugins: ['firewall'] },
    async run(world) {
      const attachment = await world.attachment(world.network({ type: 'firewall' }))
      expectError(await attachment.add())
    },
  },
  {
    id: 'firewall.ingress.open',
    title: 'ingressPolicy open: containers of another bridge come in',
    source: INGRESS_DOCS,
    needs: NEEDS,
    async run(world) {
      const first = await world.attach(network(world, { ingressPolicy: 'open' }))
      const second = await world.attach(otherNetwork(world, { ingressPolicy: 'open' }))
      await world.serve(first.pod, 'udp', 9000)
      expectEqual('source seen', await world.visit(second.pod, first.address, 9000), second.address)
    },
  },
  {
    id: 'firewall.ingress.same-bridge',
    title: 'ingressPolicy same-bridge: containers of that bridge come in, those of another one do not',
    source: INGRESS_DOCS,
    needs: NEEDS,
    async run(world) {
      const first = await world.attach(network(world, { ingressPolicy: 'same-bridge' }))
      const neighbour = await world.attach(network(world, { ingressPolicy: 'same-bridge' }))
      const stranger = await world.attach(otherNetwork(world, { ingressPolicy: 'same-bridge' }))
      await world.serve(first.pod, 'udp', 9000)
      expectEqual('source seen', await world.visit(neighbour.pod, first.address, 9000), neighbour.address)
      const seen = await world.visit(stranger.pod, first.address, 9000, 'udp', 400)
      expectEqual('source seen of the other bridge', seen, undefined)
    },
  },
  {
    id: 'firewall.ingress.unknown',
    title: 'an ingressPolicy that there is not is refused',
    source: INGRESS_DOCS,
    needs: NEEDS,
    async run(world) {
      const attachment = await world.attachment(network(world, { ingressPolicy: 'perhaps' }))
      expectError(await attachment.add())
    },
  },
  deletesWithoutNamespace(LIFE),
  deletesTwice(LIFE),
  {
    id: 'firewall.del.no-result',
    title: 'DEL without prevResult succeeds',
    source: SPEC.del,
    needs: NEEDS,
    async run(world) {
      const attachment = await world.attachment(world.network(bridge(world), { type: 'firewall' }))
      await attachment.mustDel()
    },
  },
  {
    id: 'firewall.check.whole',
    title: 'CHECK succeeds, and is an error when the rules have gone (unless they are back)',
    source: SPEC.check,
    needs: NEEDS,
    async run(world) {
      const attachment = await world.attach(world.network(bridge(world), { type: 'firewall' }))
      await attachment.mustCheck()
      await world.host.network.output(['nft', 'flush', 'ruleset'])
      const reply = await attachment.check()
      const { ruleset } = await observeAll(world.host.network)
      if (reply.succeeded)
        expectThat(
          'the rules after CHECK found no fault',
          ruleset.includes(attachment.address),
          'there',
          'gone',
        )
      else expectError(reply)
      await attachment.del()
      attachment.deleted = true
    },
  },
]
