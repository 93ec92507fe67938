/** A node with rules in the shape of firewalld's: their last word is a reject, whatever other tables accept. */
import assert from 'node:assert/strict'
import { afterEach, test } from 'node:test'
import { agentMetrics } from '../../src/agent/metrics.ts'
import { agentView } from '../../src/agent/view.ts'
import { eventually, TestCluster, type TestNode } from './agent-nodes.ts'
import { attachFirstPod } from './first-pods.ts'
import { run } from './kernel-harness.ts'
import { ping, reaches } from './ping.ts'

let cluster: TestCluster | undefined

afterEach(async () => {
  await cluster?.close()
  cluster = undefined
})

/** What firewalld 1.3 has of FORWARD and INPUT, with all interfaces in zone public. */
const RULESET = `table inet firewalld {
  chain filter_INPUT {
    type filter hook input priority filter + 10; policy accept;
    ct state { established, related } accept
    ct status dnat accept
    iifname "lo" accept
    ct state invalid drop
    jump filter_INPUT_ZONES
    reject with icmpx admin-prohibited
  }
  chain filter_FORWARD {
    type filter hook forward priority filter + 10; policy accept;
    ct state { established, related } accept
    ct status dnat accept
    iifname "lo" accept
    ct state invalid drop
    jump filter_FORWARD_ZONES
    reject with icmpx admin-prohibited
  }
  chain filter_INPUT_ZONES { goto filter_IN_public; }
  chain filter_FORWARD_ZONES { goto filter_FWD_public; }
  chain filter_IN_public { meta l4proto icmp accept; }
  chain filter_FWD_public { }
}
`

/** What it has besides when it was told what the finding says. */
const TOLD = `table inet firewalld {
  chain filter_IN_trusted { accept; }
  chain filter_FWD_trusted { accept; }
}
insert rule inet firewalld filter_INPUT_ZONES ip saddr 10.244.0.0/16 goto filter_IN_trusted
insert rule inet firewalld filter_FORWARD_ZONES ip saddr 10.244.0.0/16 goto filter_FWD_trusted
add rule inet firewalld filter_IN_public udp dport 8472 accept
`

async function about({ agent }: TestNode): Promise<string | undefined> {
  assert.ok(agent !== undefined)
  const { findings } = agentView(agent, 'node', agentMetrics(agent)).status() as {
    findings: readonly { about: string; text: string }[]
  }
  return findings.find(finding => finding.about === 'firewalld')?.text
}

test('firewalld cuts pods off, which is a finding that says what to run; that helps, and it goes with firewalld', async () => {
  cluster = await TestCluster.start({ type: 'vxlan' })
  const [one, two] = [cluster.node(1), cluster.node(2)]
  for (const node of [one, two]) await attachFirstPod(node)
  const pod = one.pod(one.name)
  await reaches(pod, two.firstPodAddresses)
  assert.equal(await about(one), undefined)

  for (const { netns } of [one, two]) run(netns, ['nft', '-f', '-'], RULESET)
  const text = await eventually('a finding', () => about(one))
  assert.match(text, /nft table inet firewalld.*chain filter_FORWARD rejects/)
  assert.match(
    text,
    /`firewall-cmd --permanent --zone=trusted --add-source=10\.244\.0\.0\/16`, `firewall-cmd --permanent --add-port=8472\/udp`, `firewall-cmd --reload`/,
  )
  assert.notEqual(await ping(pod, '10.244.2.2'), 'ok')

  for (const { netns } of [one, two]) run(netns, ['nft', '-f', '-'], TOLD)
  await reaches(pod, two.firstPodAddresses)
  await reaches(two.pod(two.name), one.firstPodAddresses)

  for (const { netns } of [one, two]) run(netns, ['nft', 'delete', 'table', 'inet', 'firewalld'])
  await eventually('the finding to go', async () => (await about(one)) === undefined || undefined)
})
