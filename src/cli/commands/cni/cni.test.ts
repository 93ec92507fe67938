import assert from 'node:assert/strict'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { type Caller, runAs } from '../../testing.ts'

let root = ''
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'podlace-cni-'))
  mkdirSync(join(root, 'net.d'))
  mkdirSync(join(root, 'bin'))
  writeFileSync(join(root, 'netns'), '')
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

const at = (...parts: string[]) => join(root, ...parts)
/** Says what it was given; `ANSWER` in the configuration is its answer. */
const PLUGIN = `#!/bin/sh
input=$(cat)
echo "$CNI_COMMAND $CNI_CONTAINERID $CNI_IFNAME $CNI_NETNS $CNI_ARGS $input" >> "$LOG"
echo remark >&2
case $CNI_COMMAND in
  ADD) echo '{"cniVersion":"1.1.0","interfaces":[{"name":"eth0","sandbox":"/x"}],"ips":[{"address":"10.1.0.2/24","gateway":"10.1.0.1"}]}' ;;
  VERSION) echo '{"cniVersion":"1.1.0","supportedVersions":["1.0.0","1.1.0"]}' ;;
  CHECK) echo '{"code":103,"msg":"eth0 is down","details":"raise it"}'; exit 1 ;;
esac
`

function network(more: object = {}): void {
  const list = {
    cniVersion: '1.1.0',
    name: 'pods',
    plugins: [{ type: 'fake', capabilities: { mac: true } }],
    ...more,
  }
  writeFileSync(at('net.d/10.conflist'), JSON.stringify(list))
  writeFileSync(at('bin/fake'), PLUGIN)
  chmodSync(at('bin/fake'), 0o755)
}

/** Runs as root by its number only: what needs more is tested in namespaces. */
function run(args: readonly string[], { env = {}, ...given }: Partial<Caller> = {}) {
  const places = { PATH: process.env['PATH'], LOG: at('log'), NETCONFPATH: at('net.d'), CNI_PATH: at('bin') }
  return runAs({ uid: 0, ...given, env: { ...places, ...env } }, 'cni', ...args)
}

const cache = () => ['--cache-dir', at('cache')]
const log = () => readFileSync(at('log'), 'utf8').trim().split('\n')

describe('podlace cni', () => {
  it('adds and deletes, for people and as JSON', async () => {
    network()
    const added = await run(['add', 'pods', at('netns'), ...cache(), '--container-id', 'c1'])
    assert.equal(added.status, 0, added.err)
    assert.equal(
      added.out,
      'attached eth0 of container c1, network pods\n  interface  eth0         inside\n  address    10.1.0.2/24  gateway 10.1.0.1\n',
    )
    assert.equal(added.err, 'remark\n')
    assert.deepEqual(readdirSync(at('cache/results')), ['pods-c1-eth0'])
    const deleted = await run(['del', 'pods', ...cache(), '--container-id', 'c1', '--json'])
    assert.deepEqual(JSON.parse(deleted.out), { removed: true })
    assert.match(log().at(-1) ?? '', new RegExp(`^DEL c1 eth0 ${at('netns')} `))
    const json = await run(['add', 'pods', at('netns'), ...cache(), '--json'])
    assert.equal(JSON.parse(json.out).ips[0].address, '10.1.0.2/24')
  })

  it("takes cnitool's variables, and makes its container id", async () => {
    network()
    const env = {
      CNI_ARGS: 'A=1;B=x=y',
      CAP_ARGS: '{"mac":"02:00:00:00:00:01","ips":[]}',
      CNI_IFNAME: 'net7',
    }
    await run(['add', 'pods', at('netns'), ...cache()], { env })
    assert.match(log()[0] ?? '', /^ADD cnitool-[0-9a-f]{20} net7 \S+ A=1;B=x=y /)
    assert.match(log()[0] ?? '', /"runtimeConfig":\{"mac":"02:00:00:00:00:01"\}/)
    await run(['add', 'pods', at('netns'), ...cache(), '--ifname', 'net8', '--args', 'C=2'], { env })
    assert.match(log()[1] ?? '', / net8 \S+ C=2 /)
  })

  it('tells a refusal with plugin, code, message and details', async () => {
    network()
    await run(['add', 'pods', at('netns'), ...cache()])
    const { status, out, err } = await run(['check', 'pods', at('netns'), ...cache(), '--json'])
    assert.equal(status, 1)
    assert.match(err, /podlace: plugin fake refused CHECK with code 103: eth0 is down: raise it\n$/)
    const { error } = JSON.parse(out)
    assert.equal(error.code, 'cni.runtime.plugin-failed')
    assert.deepEqual([error.plugin, error.reply.code, error.reply.details], ['fake', 103, 'raise it'])
  })

  it('says after a failed add what stays, and how it goes', async () => {
    network({ plugins: [{ type: 'fake' }, { type: 'none' }] })
    const { status, err } = await run(['add', 'pods', at('netns'), ...cache()])
    assert.equal(status, 1)
    assert.match(err, /there is no plugin "none": looked in .*bin \(what was made before stays; .* del .*\)/)
    assert.deepEqual(
      log().map(line => line.split(' ')[0]),
      ['ADD'],
    )
  })

  it('collects garbage only of what it is told is not alive', async () => {
    network()
    await run(['add', 'pods', at('netns'), ...cache(), '--container-id', 'c1'])
    await run(['add', 'pods', at('netns'), ...cache(), '--container-id', 'c2'])
    assert.equal((await run(['gc', 'pods', ...cache()])).status, 2)
    assert.equal((await run(['gc', 'pods', ...cache(), '--all', '--keep', 'c1/eth0'])).status, 2)
    const { out } = await run(['gc', 'pods', ...cache(), '--keep', 'c1/eth0'])
    assert.equal(out, 'deleted eth0 of container c2\nnetwork pods is clean\n')
    assert.match(
      log().at(-1) ?? '',
      /^GC .*"cni.dev\/valid-attachments":\[\{"containerID":"c1","ifname":"eth0"\}\]/,
    )
  })

  it('asks for STATUS and versions', async () => {
    network()
    assert.match((await run(['status', 'pods', 'ignored'])).out, /network pods is ready: fake/)
    const versions = await run(['version', 'pods'], { uid: 1000 })
    assert.deepEqual([versions.status, versions.out], [0, 'network pods speaks 1.1.0\n  fake  1.0.0 1.1.0\n'])
    network({ cniVersion: '0.4.0' })
    assert.match((await run(['status', 'pods'])).out, /came with 1\.1\.0; nothing was asked/)
    const old = await run(['version', 'pods'])
    assert.deepEqual([old.status, /not 0\.4\.0/.test(old.out)], [1, true])
  })

  it('calls one plugin with what comes on standard input', async () => {
    network()
    const { out } = await run(['exec', 'fake', at('netns'), '--command', 'ADD'], { stdin: '{"x": 1}' })
    assert.equal(JSON.parse(out).cniVersion, '1.1.0')
    assert.match(log()[0] ?? '', /\{"x": 1\}$/)
    assert.match(
      (await run(['exec', 'fake', '--command', 'VERSION'], { uid: 1000 })).out,
      /supportedVersions/,
    )
    const failed = await run(['exec', 'fake', at('netns'), '--command', 'CHECK'])
    assert.deepEqual([failed.status, failed.out], [1, ''])
    const long = await run(['exec', 'fake', '--command', 'STATUS'], { stdin: ' '.repeat((900 << 10) + 1) })
    assert.match(long.err, /more than 921600 bytes/)
  })

  it('ends by the signal', async () => {
    network()
    const signal = AbortSignal.abort('SIGINT')
    for (const args of [
      ['exec', 'fake', '--command', 'STATUS'],
      ['add', 'pods', at('netns'), ...cache()],
    ]) {
      const { status, err } = await run(args, { signal })
      assert.equal(status, 130)
      assert.match(err, /interrupted/)
    }
    assert.ok(!existsSync(at('log')))
  })

  it('installs, twice, and uninstalls', async () => {
    const places = ['--bin-dir', at('opt'), '--conf-dir', at('etc')]
    const first = await run(['install', ...places, '--types', 'podlace,flannel', '--network', 'lan'])
    assert.equal(first.status, 0, first.err)
    assert.match(
      first.out,
      /opt: installed: podlace flannel\n.*etc: installed: 10-podlace\.conflist\nno --agent-uid/,
    )
    assert.match(readFileSync(at('etc/10-podlace.conflist'), 'utf8'), /"name": "lan"/)
    const again = JSON.parse(
      (await run(['install', ...places, '--types', 'podlace', '--network', 'lan', '--json'])).out,
    )
    assert.deepEqual(new Set(again.changes.map(({ did }: { did: string }) => did)), new Set(['unchanged']))
    assert.match((await run(['uninstall', ...places])).out, /removed: podlace flannel/)
    assert.equal((await run(['uninstall', ...places])).out, 'nothing is installed\n')
  })
})

describe('a command line of cni that makes no sense', () => {
  const wrong: readonly [args: string, status: number, message: RegExp][] = [
    ['', 2, /Usage: podlace cni/],
    ['ad', 2, /unknown command 'ad'/],
    ['add', 2, /missing required argument 'network'/],
    ['add pods', 2, /missing required argument 'netns'/],
    ['add pods NETNS more', 2, /too many arguments/],
    ['add none NETNS', 1, /no network "none" in .*: there are pods/],
    ['add ../x NETNS', 1, /no network "..\/x"/],
    ['add pods /nowhere', 1, /no network namespace at \/nowhere: .*ip netns add/],
    ['add pods NETNS --args x', 1, /CNI_ARGS holds "x"/],
    ['add pods NETNS --capability-args x', 2, /are no JSON/],
    ['add pods NETNS --capability-args []', 2, /must be an object/],
    ['add pods NETNS --container-id ../x', 1, /is not a container id/],
    ['add pods NETNS --ifname a/b', 1, /cannot name an interface/],
    ['add pods NETNS --timeout soon', 2, /whole number from 1 to 3600/],
    ['check pods NETNS', 1, /nothing is known of eth0/],
    ['del pods', 2, /name the container/],
    ['gc pods --keep c1', 2, /CONTAINER\/INTERFACE/],
    ['version pods --bin-dir /nowhere', 1, /no plugin "fake": looked in \/nowhere/],
    ['exec fake', 2, /required option '--command/],
    ['exec fake --command add', 2, /ADD, DEL/],
    ['exec ../fake --command STATUS', 1, /no plugin "..\/fake"/],
    ['install --types podlace,bridg', 2, /"bridg": it takes all, or of podlace, bridge/],
    ['install --conflist /nowhere/x.conflist', 1, /cannot read \/nowhere\/x\.conflist/],
    ['install --conflist x.txt', 1, /must be named \*\.conflist/],
    ['install --shim /bin/true', 1, /\/bin\/true is not the CNI shim/],
    ['install --agent-uid root', 2, /whole number/],
  ]
  for (const [line, status, message] of wrong) {
    it(line === '' ? '(nothing)' : line, async () => {
      network()
      const args = line.split(' ').filter(part => part !== '')
      const places = args[0] === 'install' ? ['--bin-dir', at('opt'), '--conf-dir', at('etc')] : []
      const {
        status: found,
        out,
        err,
      } = await run([...args.map(part => (part === 'NETNS' ? at('netns') : part)), ...places])
      assert.deepEqual([found, out], [status, ''], err)
      assert.match(err, message)
      assert.doesNotMatch(err, /\n {4}at /, 'no stack')
      assert.ok(!existsSync(at('log')) && !existsSync(at('opt')))
    })
  }

  it('asks for root, in one sentence', async () => {
    network()
    for (const line of [
      'add pods /x',
      'check pods /x',
      'del pods /x',
      'gc pods --all',
      'status pods',
      'exec fake --command GC',
    ]) {
      const { status, err } = await run(line.split(' '), { uid: 1000 })
      assert.equal(status, 1)
      assert.match(err, /^podlace: podlace cni \w+ needs root, .*sudo\n$/)
    }
  })
})
