import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { Registry } from 'prom-client'
import { hasCode } from '../base/index.ts'
import { serveAdmin } from './admin.ts'
import { readAgentStatus } from './admin-client.ts'
import { AgentBench } from './testing/agent-bench.ts'
import { agentView } from './view.ts'

let directory: string
let socket: string

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'podlace-admin-'))
  socket = join(directory, 'agent.sock')
})

afterEach(() => rmSync(directory, { recursive: true }))

test('what an agent serves can be read', async () => {
  const bench = await AgentBench.ready()
  const server = await serveAdmin(socket, agentView(bench.agent, 'node-1', new Registry()))
  try {
    const { status, peers } = await readAgentStatus(socket)
    assert.deepEqual(
      [status.node, status.podCidrs, status.backend?.type],
      ['node-1', ['10.244.1.0/24'], 'vxlan'],
    )
    assert.deepEqual(peers, [])
  } finally {
    await server.close()
    await bench.stop()
  }
})

const nothing = () => ({ hello: 'world' })

test('nobody there, and somebody else there', async () => {
  await assert.rejects(readAgentStatus(socket), error => hasCode(error, 'agent.unreachable'))
  const view = { notReady: () => '', metrics: async () => '' }
  const server = await serveAdmin(socket, {
    ...view,
    status: nothing,
    peers: nothing,
    entries: nothing,
    attachments: nothing,
  })
  try {
    await assert.rejects(
      readAgentStatus(socket),
      (error: Error) => hasCode(error, 'agent.bad-answer') && error.message.includes('node: missing'),
    )
  } finally {
    await server.close()
  }
})
