/** The backend extension with scripts that do what host-gw does: two nodes, pods that reach each other. */
import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { eventually, ip, TestCluster } from './agent-nodes.ts'
import { ping } from './ping.ts'

let cluster: TestCluster | undefined
let directory: string

const SCRIPTS = {
  before: 'echo "all is well"',
  after: 'ip route replace blackhole "$NETWORK" metric 4000000000',
  add: 'read -r said && ip route replace "$SUBNET" via "$PUBLIC_IP" && echo "$1 $said" >> "$0.log"',
  remove: 'ip route del "$SUBNET" via "$PUBLIC_IP"',
} as const

const script = (name: keyof typeof SCRIPTS) => path.join(directory, name)

beforeEach(() => {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), 'podlace-test-'))
  for (const [name, text] of Object.entries(SCRIPTS))
    fs.writeFileSync(path.join(directory, name), `#!/bin/sh\nset -e\n${text}\n`, { mode: 0o755 })
})

afterEach(async () => {
  await cluster?.close()
  cluster = undefined
  fs.rmSync(directory, { recursive: true, force: true })
})

test('programs are run for the node and for each peer; pods reach each other by what they do', async () => {
  cluster = await TestCluster.start({
    type: 'extension',
    preStartupCommand: script('before'),
    postStartupCommand: script('after'),
    subnetAddCommand: `${script('add')} 'one word'`,
    subnetRemoveCommand: script('remove'),
  })
  const [one, two] = [cluster.node(1), cluster.node(2)]
  for (const node of [one, two]) {
    await eventually(`${node.name} ready`, () => node.agent?.notReady() === undefined || undefined)
    await node.call('ADD', node.name)
  }
  const reaches = async () => (await ping(one.pod(one.name), '10.244.2.2')) === 'ok' || undefined
  await eventually('a ping from pod to pod', reaches)
  assert.match(ip(one.netns, 'route show type blackhole'), /10\.244\.0\.0\/16/)
  assert.match(fs.readFileSync(`${script('add')}.log`, 'utf8'), /^one word all is well$/m)

  const calls = () => fs.readFileSync(`${script('add')}.log`, 'utf8').split('\n').length
  const before = calls()
  await one.stopAgent()
  const agent = await one.startAgent()
  await eventually('ready again', () => agent.notReady() === undefined || undefined)
  await eventually('a ping again', reaches)
  await cluster.store.delete('Node', 'node-2')
  const route = () => ip(one.netns, 'route show 10.244.2.0/24')
  await eventually('the route to be gone', () => route() === '' || undefined)
  assert.equal(calls(), before, 'the next process told nobody again')
})
