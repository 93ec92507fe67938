import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import process from 'node:process'
import { describe, it } from 'node:test'
import { promisify } from 'node:util'
import type { Row } from '../../bench/stats.ts'

/** Others keep track of these names; in each benchmark they come first, in this order. */
const ROWS = {
  cni: [
    'add',
    'add-8way',
    'add-ipmasq',
    'del',
    'burst-50',
    'add-vs-floor',
    'del-ipmasq',
    'add-portmap-bandwidth',
    'burst-110',
    'add-8000-leases',
    'shim-relay',
    'rss',
  ],
  overlay: ['vxlan-tcp', 'vxlan-rtt', 'host-gw-tcp', 'host-gw-rtt'],
  udp: ['tcp-vs-loop', 'tcp-vs-vxlan', 'pps-vs-loop', 'cpu-per-gb'],
  converge: ['first-apply-5000', 'one-peer-cpu', 'drift-repair', 'rss', 'restart-writes'],
} as const

/** Whose rows have a confidence interval. */
const WITH_INTERVAL = new Set(['overlay', 'udp'])

/** Rows that are held against nothing. */
const WITHOUT_PEER = new Set<string>(['one-peer-cpu', 'drift-repair', 'rss', 'restart-writes', 'shim-relay'])

const RUNNER = join(import.meta.dirname, '../../bench/run.ts')

async function quick(name: string): Promise<{ bench: string; rows: readonly Row[] }> {
  const { stdout } = await promisify(execFile)(process.execPath, [RUNNER, name, '--quick', '--json'])
  return JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '')
}

describe('benchmarks, quick: both sides do the same work, and the rows are what they were', {
  concurrency: true,
}, () => {
  for (const [name, names] of Object.entries(ROWS)) {
    it(name, async () => {
      const { bench, rows } = await quick(name)
      assert.equal(bench, name)
      assert.deepEqual(
        rows.slice(0, names.length).map(row => row.name),
        names,
      )
      for (const row of rows.slice(0, names.length)) {
        assert.ok(row.ours !== null && Number.isFinite(row.ours) && row.n > 0, JSON.stringify(row))
        const compared = row.peer !== null && row.ratio !== null && row.peer > 0 && row.ratio > 0
        assert.equal(compared, !WITHOUT_PEER.has(row.name), JSON.stringify(row))
        const interval = row.low !== undefined && row.high !== undefined
        assert.equal(interval, WITH_INTERVAL.has(name), JSON.stringify(row))
      }
      const writes = rows.find(row => row.name === 'restart-writes')?.ours
      if (name === 'converge') assert.equal(writes, 0)
    })
  }
})
