/** The demo and a lab on a kernel that has WireGuard, through the command line, with the built program. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { eventually } from '../netns/agent-nodes.ts'
import { LabCommand } from '../netns/lab-command.ts'

interface Step {
  readonly name: string
  readonly ok: boolean
  readonly headline: string
  readonly details?: readonly string[]
}

interface Peer {
  readonly state: string
  readonly rttMs: number | null
}

/** They hold only if something takes less than a second, which an emulated processor does not promise. */
const TIMED = new Set(['killed-agent', 'deleted-entries'])

const labs = new LabCommand()
after(() => labs.close())

test('the demo of wireguard: what it checks holds, and peers are known with their round trip', async () => {
  const demo = 'demo --backend wireguard --name a --keep -o json'
  const { stdout, stderr } = await labs.run(...demo.split(' '))
  const { steps }: { steps: readonly Step[] } = JSON.parse(stdout || assert.fail(stderr))
  assert.deepEqual(
    steps.filter(({ name, ok }) => !ok && !TIMED.has(name)),
    [],
  )
  // The packet's way is shown where routes tell it, and a node leaves and returns where routes come and go with it.
  assert.deepEqual(
    steps.map(({ name }) => name),
    ['bring-up', 'pod-network', 'reachability', 'throughput', 'killed-agent', 'deleted-entries'],
  )
  const peers = await eventually('the peers of node-1 to be up', async () => {
    const found = await peersOfFirst()
    return found.length === 2 && found.every(({ state }) => state === 'up') ? found : undefined
  })
  for (const { rttMs } of peers) assert.ok((rttMs ?? 0) > 0, `${rttMs} ms`)
})

async function peersOfFirst(): Promise<readonly Peer[]> {
  const status = ['/opt/podlace/dist/podlace.mjs', 'status', '--json']
  const { stdout } = await labs.run('lab', 'exec', '--name', 'a', 'node-1', '--', process.execPath, ...status)
  return (JSON.parse(stdout) as { peers: readonly Peer[] }).peers
}
