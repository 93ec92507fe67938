/** Cases of the conformance suite that other kernels cannot run. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { type CaseReport, type ConformanceCase, podlacePlugins } from '../../src/conformance/index.ts'
import { packageRoot } from '../../src/lab/index.ts'
import { GO_PLUGINS, named, plugins, run } from '../netns/conformance-run.ts'

/** What a machine's kernel may lack; on the host these cases are not runnable. */
const RARE = new Set(['bridge-vlan', 'dummy', 'ipvlan', 'vlan', 'vrf'])
const CALL_TIMEOUT_MS = 60_000

function needsRare({ needs }: ConformanceCase): boolean {
  return needs.kernel?.some(feature => RARE.has(feature)) ?? false
}

/** A case that is not runnable is a failure here. */
function assertPassed(reports: ReadonlyMap<string, CaseReport>): void {
  const others = [...reports.values()].filter(({ status }) => status !== 'passed')
  assert.deepEqual(
    others.map(({ id, status, reasons }) => [id, status, ...reasons]),
    [],
  )
}

describe('cases of ipvlan, vlan, vrf, dummy and of VLANs on bridges', () => {
  it('are passed by sound plugins', async () => {
    const only =
      /^(ipvlan\.(mode\.l3s|add\.traffic)|vlan\.(add\.id|del\.no-namespace)|vrf\.add\.shared|bridge\.vlan\.(port|traffic))$/
    const reports = await run(plugins(GO_PLUGINS), named(only), CALL_TIMEOUT_MS)
    assert.equal(reports.size, 7)
    assertPassed(reports)
  })

  it('are passed by our plugins, all of them', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'podlace-plugins-'))
    try {
      const ours = podlacePlugins({ packageRoot: packageRoot(), nodeBinary: process.execPath, directory })
      const reports = await run(ours, needsRare, CALL_TIMEOUT_MS)
      assert.ok(reports.size >= 67, `${reports.size} cases`)
      assertPassed(reports)
    } finally {
      rmSync(directory, { recursive: true, force: true })
    }
  })
})
