import assert from 'node:assert/strict'
import { test } from 'node:test'
import { serveHealth } from './health.ts'

test('alive from the start, ready when nothing is missing any more', async () => {
  let lacks = 'there is no Node node-1'
  const server = await serveHealth({ host: '127.0.0.1', port: 0, notReady: () => lacks })
  const get = async (path: string) => {
    const response = await fetch(`http://127.0.0.1:${server.port}${path}`)
    return [response.status, (await response.text()).trim()]
  }
  try {
    assert.deepEqual(await get('/healthz'), [200, 'ok'])
    assert.deepEqual(await get('/readyz'), [503, 'there is no Node node-1'])
    lacks = ''
    assert.deepEqual(await get('/readyz?verbose'), [200, 'ok'])
    assert.equal((await get('/status'))[0], 404)
  } finally {
    await server.close()
  }
})
