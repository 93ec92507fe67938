import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { guardElements } from '../../src/attach/guard.ts'
import {
  type AttachmentSpec,
  hostInterfaceName,
  parseBridgeConfig,
  parsePtpConfig,
  planBridge,
  planPtp,
} from '../../src/attach/index.ts'
import type { Netns } from '../../src/sys/index.ts'
import { eventually } from './agent-nodes.ts'
import { forged, forgedOnBridges, honest, MAC, OTHER_MAC, OVERLAY_PORT } from './guard-frames.ts'
import { run } from './kernel-harness.ts'
import { reaches } from './ping.ts'
import { podSpec, WiredPods } from './wired-pods.ts'

const spec = (n: 2 | 3): AttachmentSpec => ({
  ...podSpec(n),
  requestedMac: { args: n === 2 ? MAC : OTHER_MAC },
  tunnelPorts: [OVERLAY_PORT],
})

let directory: string
let sender: string

before(() => {
  directory = mkdtempSync(join(tmpdir(), 'podlace-guard-'))
  sender = join(directory, 'send-frames')
  const source = join(import.meta.dirname, 'fixtures/send-frames.c')
  execFileSync('cc', ['-std=gnu11', '-O1', '-Wall', '-Werror', '-o', sender, source])
})

after(() => rmSync(directory, { recursive: true, force: true }))

function send(pod: Netns, frame: Uint8Array): void {
  run(pod, [sender, 'eth0'], Buffer.from(frame).toString('hex'))
}

/** Packets that each rule of the guard has dropped, by cause; rules that dropped none are left out. */
function dropped(host: Netns): Record<string, number> {
  const text = run(host, ['nft', 'list', 'ruleset'])
  const counts: Record<string, number> = {}
  for (const [, packets = '', cause = ''] of text.matchAll(
    /counter packets (\d+) bytes \d+ drop comment "guard: (.*?) #/g,
  )) {
    if (packets !== '0') counts[cause] = (counts[cause] ?? 0) + Number(packets)
  }
  return counts
}

function received(pod: Netns): number {
  const text = run(pod, ['ip', '-s', 'link', 'show', 'dev', 'eth0'])
  return Number(/RX:.*\n\s*\d+\s+(\d+)/.exec(text)?.[1])
}

const onBridge = (n: 2 | 3, config: object) => (netns: string) =>
  planBridge({ ...spec(n), config: parseBridgeConfig(config) }, netns)

const plans = {
  bridge: (n: 2 | 3) => onBridge(n, { isDefaultGateway: true }),
  host: (n: 2 | 3) => (netns: string) => planPtp({ ...spec(n), config: parsePtpConfig({}) }, netns),
}

const GUARDED = { bridge: [...forged, ...forgedOnBridges], host: forged }

for (const by of ['bridge', 'host'] as const) {
  test(`a pod before the ${by}: what it may send passes, what it may not is dropped and counted by cause`, async context => {
    using node = new WiredPods()
    const pod = await node.attach(plans[by](2))
    const neighbour = await node.attach(plans[by](3))
    await reaches(pod, ['10.1.2.1', '10.1.2.3', 'fd00:1::1', 'fd00:1::3'])
    assert.deepEqual(dropped(node.host), {}, 'nothing of that is dropped')
    for (const [what, frame] of honest) {
      await context.test(`passes: ${what}`, async () => {
        const before = received(neighbour)
        send(pod, frame)
        assert.deepEqual(dropped(node.host), {})
        // The host does not pass on what goes to all.
        if (by === 'bridge') {
          await eventually('it to arrive', () => received(neighbour) > before || undefined)
        }
      })
    }
    const counts: Record<string, number> = {}
    for (const [what, frame, cause] of GUARDED[by]) {
      await context.test(`dropped: ${what}`, () => {
        send(pod, frame)
        counts[cause] = (counts[cause] ?? 0) + 1
        assert.deepEqual(dropped(node.host), counts)
      })
    }
  })
}

test('without the guard a frame goes through; macspoofchk alone holds the MAC', async () => {
  using node = new WiredPods()
  const free = await node.attach(onBridge(2, { guard: false }))
  const checked = await node.attach(onBridge(3, { guard: false, macspoofchk: true }))
  // A MAC that is that of the second pod, and an address that is.
  const frames = forged.slice(0, 2)
  for (const [, frame] of frames) {
    const before = received(checked)
    send(free, frame)
    await eventually('it to arrive', () => received(checked) > before || undefined)
  }
  assert.deepEqual(dropped(node.host), {}, 'who is not guarded is not looked at')
  for (const [, frame] of frames) send(checked, frame)
  assert.deepEqual(dropped(node.host), { 'MAC of another': 1 }, 'the second is from the MAC of the first pod')
})

test('a trunk: VLAN tags pass with the MAC of the pod, and what has none is checked as ever', async () => {
  using node = new WiredPods()
  const plan = onBridge(2, {})('pod')
  const link = hostInterfaceName('c2', 'eth0')
  const elements = guardElements('bridge', {
    link,
    mac: MAC,
    ips: plan.result.ips,
    hasIpv6: true,
    trunk: true,
  })
  const others = plan.host.filter(entry => entry.kind !== 'nft-element')
  const pod = await node.attach(() => ({ ...plan, host: [...others, ...elements] }))
  const neighbour = await node.attach(onBridge(3, {}))
  const [tagged, priority, twice, untagged] = forgedOnBridges.map(([, frame]) => frame)
  for (const frame of [tagged, priority]) {
    assert.ok(frame !== undefined)
    const before = received(neighbour)
    send(pod, frame)
    await eventually('it to arrive', () => received(neighbour) > before || undefined)
  }
  assert.deepEqual(dropped(node.host), {})
  const [, foreign] = forged[0] ?? []
  assert.ok(twice !== undefined && untagged !== undefined && foreign !== undefined)
  for (const frame of [twice, untagged, foreign, inVlan(foreign)]) send(pod, frame)
  assert.deepEqual(dropped(node.host), {
    'VLAN tag of a provider': 1,
    'neither IP nor ARP': 1,
    'MAC of another': 2,
  })
})

/** The frame with a VLAN tag behind its addresses. */
function inVlan(frame: Uint8Array): Uint8Array {
  return Buffer.concat([frame.subarray(0, 12), Uint8Array.of(0x81, 0, 0, 7), frame.subarray(12)])
}
