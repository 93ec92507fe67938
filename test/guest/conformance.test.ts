import assert from 'node:assert/strict'
import { test } from 'node:test'
import { GO_PLUGINS, plugins, run } from '../netns/conformance-run.ts'

test('cases of ipvlan, vlan, vrf and of VLANs on bridges can be run here, and sound plugins pass them', async () => {
  const only =
    /^(ipvlan\.(mode\.l3s|add\.traffic)|vlan\.(add\.id|del\.no-namespace)|vrf\.add\.shared|bridge\.vlan\.(port|traffic))$/
  const reports = await run(plugins(GO_PLUGINS), only, 60_000)
  assert.equal(reports.size, 7)
  assert.deepEqual(
    [...reports.values()].map(({ id, status, reasons }) => [id, status, ...reasons]),
    [...reports.keys()].map(id => [id, 'passed']),
  )
})
