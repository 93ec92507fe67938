import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hasCode } from '../base/index.ts'
import { serveHealth } from './health.ts'

const HERE = { host: '127.0.0.1', port: 0 }

test('alive from the start, ready when nothing is missing any more', async () => {
  let lacks = 'there is no Node node-1'
  const server = await serveHealth(HERE, { notReady: () => lacks, metrics: async () => 'podlace_x 1\n' })
  const get = async (path: string, method = 'GET') => {
    const response = await fetch(`http://127.0.0.1:${server.port}${path}`, { method })
    return [response.status, (await response.text()).trim()]
  }
  try {
    assert.deepEqual(await get('/healthz'), [200, 'ok'])
    assert.deepEqual(await get('/readyz'), [503, 'there is no Node node-1'])
    lacks = ''
    assert.deepEqual(await get('/readyz?verbose'), [200, 'ok'])
    assert.deepEqual(await get('/metrics'), [200, 'podlace_x 1'])
    assert.equal((await get('/status'))[0], 404)
    assert.equal((await get('/healthz', 'POST'))[0], 405)
  } finally {
    await server.close()
  }
})

test('an address that is taken is named', async () => {
  const view = { notReady: () => '', metrics: async () => '' }
  const server = await serveHealth(HERE, view)
  try {
    await assert.rejects(
      serveHealth({ ...HERE, port: server.port }, view),
      error => hasCode(error, 'agent.health') && error.message.includes(`port ${server.port}`),
    )
  } finally {
    await server.close()
  }
})
