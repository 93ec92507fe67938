import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Registry } from 'prom-client'
import { registerProcessMetrics } from './process-metrics.ts'

test("the process's series have the names that dashboards know, and none needs to be told of each collection", async () => {
  const registry = new Registry()
  registerProcessMetrics(registry)
  const text = await registry.metrics()
  for (const name of [
    'process_cpu_seconds_total',
    'process_start_time_seconds',
    'process_resident_memory_bytes',
    'process_open_fds',
    'process_max_fds',
    'nodejs_eventloop_lag_p99_seconds',
    'nodejs_active_resources',
    'nodejs_heap_size_used_bytes',
    'nodejs_heap_space_size_used_bytes',
  ])
    assert.match(text, new RegExp(`^${name}(\\{.*\\})? [0-9.e+-]+$`, 'm'))
  assert.match(text, new RegExp(`^nodejs_version_info\\{version="${process.version}"`, 'm'))
  assert.doesNotMatch(text, /nodejs_gc/)
})
