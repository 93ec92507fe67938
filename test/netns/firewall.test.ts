import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseBridgeConfig, parseFirewallConfig, planBridge, planFirewall } from '../../src/attach/index.ts'
import type { Netns } from '../../src/sys/index.ts'
import { eventually } from './agent-nodes.ts'
import { run } from './kernel-harness.ts'
import { ping } from './ping.ts'
import { WiredPods } from './wired-pods.ts'

interface Place {
  readonly network: number
  readonly n: number
}

/** Pod `n` of a bridge of its own network, under a policy; `iptablesFamilies` let it through. */
async function pod(
  node: WiredPods,
  { network, n }: Place,
  ingressPolicy: string,
  iptablesFamilies: readonly (4 | 6)[] = [],
): Promise<Netns> {
  const bridge = `br${network}`
  const config = parseBridgeConfig({ bridge, isDefaultGateway: true })
  const names = { network: bridge, containerId: `c${network}-${n}`, ifName: 'eth0' }
  const plan = (netns: string) =>
    planBridge(
      {
        ...names,
        sandbox: '/run/netns/x',
        hostIdentity: 'node-1',
        ips: [{ address: `10.1.${network}.${n}/24` }, { address: `fd00:${network}::${n}/64` }],
        routes: [],
        dns: {},
        config,
      },
      netns,
    )
  const attached = await node.attach(plan)
  const firewall = planFirewall({
    ...names,
    prevResult: plan('pod').result,
    config: parseFirewallConfig({ ingressPolicy }),
    iptablesFamilies,
  })
  await node.attach(() => firewall)
  return attached
}

const addresses = (network: number, n: number) => [`10.1.${network}.${n}`, `fd00:${network}::${n}`]

const reached = async (from: Netns, network: number, n: number): Promise<boolean[]> => {
  const outcomes: boolean[] = []
  for (const address of addresses(network, n)) outcomes.push((await ping(from, address)) === 'ok')
  return outcomes
}

/** The first packets may go while addresses are being looked up. */
async function reaches(from: Netns, network: number, n: number): Promise<void> {
  await eventually('both families', async () => (await reached(from, network, n)).every(Boolean) || undefined)
}

test('same-bridge keeps bridges apart that say so, and no others', async () => {
  using node = new WiredPods()
  const one = await pod(node, { network: 1, n: 2 }, 'same-bridge')
  await pod(node, { network: 1, n: 3 }, 'same-bridge')
  const two = await pod(node, { network: 2, n: 2 }, 'same-bridge')
  const three = await pod(node, { network: 3, n: 2 }, 'open')
  await reaches(one, 1, 3)
  await reaches(one, 3, 2)
  await reaches(three, 1, 2)
  await reaches(two, 2, 1)
  assert.deepEqual(await reached(one, 2, 2), [false, false])
  assert.deepEqual(await reached(two, 1, 2), [false, false])
})

test('isolated keeps pods of one bridge apart too; they reach the host', async () => {
  using node = new WiredPods()
  const one = await pod(node, { network: 1, n: 2 }, 'isolated')
  await pod(node, { network: 1, n: 3 }, 'isolated')
  await reaches(one, 1, 1)
  assert.deepEqual(await reached(one, 1, 3), [false, false])
})

/** Nothing is forwarded, by the policy and by a rule that is there before ours. */
function close(host: Netns): void {
  for (const program of ['iptables', 'ip6tables']) {
    run(host, [program, '-P', 'FORWARD', 'DROP'])
    run(host, [program, '-A', 'FORWARD', '-j', 'DROP'])
  }
}

test('where iptables forwards nothing, the pod reaches others and is answered; nobody reaches it', async () => {
  using node = new WiredPods()
  close(node.host)
  const through = await pod(node, { network: 1, n: 2 }, 'open', [4, 6])
  const kept = await pod(node, { network: 2, n: 2 }, 'open')
  await pod(node, { network: 3, n: 2 }, 'open')
  await reaches(through, 2, 2)
  await reaches(through, 3, 2)
  assert.deepEqual(await reached(kept, 1, 2), [false, false])
  assert.deepEqual(await reached(kept, 3, 2), [false, false])
})

test('one family is let through without the other', async () => {
  using node = new WiredPods()
  close(node.host)
  const through = await pod(node, { network: 1, n: 2 }, 'open', [6])
  await pod(node, { network: 2, n: 2 }, 'open')
  await eventually('IPv6', async () => (await reached(through, 2, 2))[1] || undefined)
  assert.deepEqual(await reached(through, 2, 2), [false, true])
})

test('what a policy drops stays dropped for a pod that is let through', async () => {
  using node = new WiredPods()
  close(node.host)
  const one = await pod(node, { network: 1, n: 2 }, 'same-bridge', [4, 6])
  await pod(node, { network: 2, n: 2 }, 'same-bridge', [4, 6])
  await pod(node, { network: 3, n: 2 }, 'open')
  await reaches(one, 3, 2)
  assert.deepEqual(await reached(one, 2, 2), [false, false])
})
