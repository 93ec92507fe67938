import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import type { PluginSet } from '../../src/conformance/index.ts'
import { failures, named, GO_PLUGINS as PLUGINS, plugins, run } from './conformance-run.ts'

describe('plugins that are sound', () => {
  it('pass', async () => {
    const only =
      /^(bridge\.add\.(gateway|mtu|twice)|host-local\.add\.exhausted|loopback\.add\.up|ptp\.add\.traffic)$/
    const reports = await run(plugins(PLUGINS), named(only))
    assert.equal(reports.size, 6)
    assert.deepEqual(
      [...reports.values()].map(({ id, status, reasons }) => [id, status, ...reasons]),
      [...reports.keys()].map(id => [id, 'passed']),
    )
  })

  it('are not asked for what they do not announce, nor for types that are not there', async () => {
    const reports = await run(plugins(PLUGINS), named(/^(host-local\.gc\.stale|dummy\.add\.result)$/))
    assert.match(reports.get('host-local.gc.stale')?.reasons[0] ?? '', /does not announce CNI 1\.1\.0/)
    assert.equal(reports.get('host-local.gc.stale')?.status, 'not-applicable')
    assert.equal(reports.get('dummy.add.result')?.status, 'not-applicable')
  })
})

describe('plugins that are broken', () => {
  let directory: string

  /** The sound ones, but for those given as shell scripts. */
  function breakPlugins(scripts: Readonly<Record<string, string>>): PluginSet {
    rmSync(directory, { recursive: true, force: true })
    directory = mkdtempSync(join(tmpdir(), 'podlace-plugins-'))
    for (const type of readdirSync(PLUGINS).filter(name => !(name in scripts)))
      symlinkSync(join(PLUGINS, type), join(directory, type))
    for (const [type, script] of Object.entries(scripts))
      writeFileSync(join(directory, type), `#!/bin/sh\n${script}\n`, { mode: 0o755 })
    return plugins(directory)
  }

  before(() => {
    directory = mkdtempSync(join(tmpdir(), 'podlace-plugins-'))
  })
  after(() => rmSync(directory, { recursive: true, force: true }))

  it('fail where DEL does nothing, and pass where it does not matter', async () => {
    const broken = breakPlugins({ bridge: `[ "$CNI_COMMAND" = DEL ] && exit 0\nexec ${PLUGINS}/bridge` })
    const reports = await run(
      broken,
      named(/^(bridge\.(del\.(all|no-namespace|nothing)|errors\.name-slash))$/),
    )
    assert.deepEqual(failures(reports), ['bridge.del.all', 'bridge.del.no-namespace'])
    const reasons = reports.get('bridge.del.no-namespace')?.reasons.join('\n') ?? ''
    assert.match(reasons, /left after DEL: file .*10\.22\.0\.2/)
  })

  it('fail where errors are no JSON', async () => {
    const broken = breakPlugins({ loopback: 'echo "panic: oh no" >&2\nexit 2' })
    const reports = await run(
      broken,
      named(/^loopback\.protocol\.(no-command|broken-json)$|^static\.protocol\.no-name$/),
    )
    assert.deepEqual(failures(reports), ['loopback.protocol.no-command', 'loopback.protocol.broken-json'])
  })

  it('fail where a plugin hangs, without holding the suite up', async () => {
    const broken = breakPlugins({ static: 'exec sleep 1000' })
    const reports = await run(broken, named(/^static\.protocol\.version$/), 500)
    assert.deepEqual(failures(reports), ['static.protocol.version'])
  })

  it('fail where the wrong address is set, with both in words', async () => {
    const broken = breakPlugins({ bridge: `${PLUGINS}/bridge | sed s/10.22.0.2/10.22.0.3/` })
    const reports = await run(broken, named(/^bridge\.add\.interface$/))
    const reason = reports.get('bridge.add.interface')?.reasons[0] ?? ''
    assert.match(reason, /expected \[ '10\.22\.0\.3\/24' \]; found \[ '10\.22\.0\.2\/24' \]/)
  })

  it('fail where a host is left with a link', async () => {
    const littering = `[ "$CNI_COMMAND" = ADD ] && ip link add litter$$ type veth peer name litterp$$\nexec ${PLUGINS}/ptp`
    const reports = await run(breakPlugins({ ptp: littering }), named(/^ptp\.(add\.mtu|del\.twice)$/))
    assert.deepEqual(failures(reports), ['ptp.add.mtu', 'ptp.del.twice'])
    assert.match(reports.get('ptp.add.mtu')?.reasons.join() ?? '', /left after DEL: link litter/)
  })
})

describe('a daemon', () => {
  it('is started once for each host, and its folder is filled in', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'podlace-plugins-'))
    try {
      const script = '[ "$(cat "$WITNESS")" = ready ] || exit 9\nexec /usr/lib/cni/loopback'
      writeFileSync(join(directory, 'loopback'), `#!/bin/sh\n${script}\n`, { mode: 0o755 })
      const set: PluginSet = {
        ...plugins(directory),
        env: new Map([['WITNESS', '{dir}/witness']]),
        daemon: { command: 'echo ready >{dir}/witness; exec sleep 1000', ready: 'test -s {dir}/witness' },
      }
      assert.deepEqual(failures(await run(set, named(/^loopback\.add\.up$/))), [])
    } finally {
      rmSync(directory, { recursive: true, force: true })
    }
  })

  it('that ends is an error that shows its log', async () => {
    const set: PluginSet = {
      ...plugins(PLUGINS),
      daemon: { command: 'echo no such thing >&2; exit 3', ready: 'false' },
    }
    await assert.rejects(run(set, named(/^loopback\.add\.up$/)), /it ended.*; its log: no such thing/)
  })
})
