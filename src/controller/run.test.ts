import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { runApiServer } from '../apiserver/index.ts'
import { silentLogger, systemClock } from '../base/index.ts'
import { KubernetesStore } from '../store/index.ts'
import { runController } from './run.ts'

describe('runController', () => {
  it('serves nodes through a real API server, and ends with its signal', { timeout: 20_000 }, async () => {
    const tokens = [{ token: 'sesame', user: 'test', access: 'write' as const }]
    const server = await runApiServer({ port: 0, tokens, log: silentLogger })
    const api = `http://127.0.0.1:${server.port}`
    const store = new KubernetesStore({ server: api, token: 'sesame', clock: systemClock })
    const ended = new AbortController()
    const controller = runController({ store, signal: ended.signal, log: silentLogger })
    const spec = { network: '10.244.0.0/16', backend: { type: 'vxlan' as const } }
    await store.create('NetworkConfig', { metadata: { name: 'default' }, spec })
    const { resourceVersion } = await store.list('Node')
    await store.create('Node', { metadata: { name: 'a' }, spec: {} })
    const signal = AbortSignal.timeout(10_000)
    let podCidr: string | undefined
    for await (const event of store.watch('Node', { resourceVersion, signal })) {
      podCidr = event.type === 'MODIFIED' ? event.object.spec.podCIDR : undefined
      if (podCidr !== undefined) break
    }
    assert.equal(podCidr, '10.244.1.0/24')
    ended.abort()
    await controller
    store.close()
    await server.close()
  })
})
