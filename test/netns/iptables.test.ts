import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, test } from 'node:test'
import { parseBridgeConfig, planBridge } from '../../src/attach/index.ts'
import { silentLogger, systemClock } from '../../src/base/index.ts'
import { Graph } from '../../src/derive/index.ts'
import {
  type Entry,
  entryKey,
  type IptablesChainEntry,
  NetlinkKernel,
  Reconciler,
} from '../../src/kernel/index.ts'
import { NetlinkEvents, Netns, type RunProgram } from '../../src/sys/index.ts'
import { eventually } from './agent-nodes.ts'
import { programsIn, run } from './kernel-harness.ts'

const config = parseBridgeConfig({ ipMasq: true, ipMasqBackend: 'iptables' })

/** The chains of a pod, one of each family. */
function chainsOf(n: number): readonly IptablesChainEntry[] {
  const { host } = planBridge(
    {
      network: 'pods',
      containerId: `c${n}`,
      ifName: 'eth0',
      sandbox: '',
      hostIdentity: 'node-1',
      ips: [{ address: `10.1.2.${n}/24` }, { address: `fd00:1::${n}/64` }],
      routes: [],
      dns: {},
      config,
    },
    'pod',
  )
  return host.filter(entry => entry.kind === 'iptables-chain')
}

/** A namespace that is kept as desired, with the programs that it took. */
class KeptNamespace implements AsyncDisposable {
  readonly netns = Netns.create()
  readonly programs: string[] = []
  readonly desired = new Graph().source<Entry>('desired')
  readonly reconciler: Reconciler
  private readonly kernel: NetlinkKernel

  /** @param start by default as the machine has iptables */
  constructor(start: (netns: Netns) => RunProgram = programsIn) {
    const inside = start(this.netns)
    const runProgram: RunProgram = (program, args, input) => {
      this.programs.push(program)
      return inside(program, args, input)
    }
    this.kernel = new NetlinkKernel({
      netns: this.netns,
      runProgram,
      openEvents: (protocol, groups, options) => NetlinkEvents.openIn(this.netns, protocol, groups, options),
    })
    const { desired } = this
    this.reconciler = new Reconciler({ kernel: this.kernel, desired, clock: systemClock, log: silentLogger })
  }

  /** As a pod that comes, or goes: it waits for its own chains alone. */
  async want(n: number, isWanted: boolean): Promise<void> {
    const chains = chainsOf(n)
    const reserved = this.reconciler.reserve(chains.map(entryKey))
    for (const chain of chains) {
      if (isWanted) this.desired.set(entryKey(chain), chain)
      else this.desired.delete(entryKey(chain))
    }
    for (const { error } of await reserved.run()) assert.equal(error, undefined)
  }

  iptables(line: string): string {
    const [program = '', ...words] = line.split(' ')
    return run(this.netns, [program, ...words])
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.reconciler.stop()
    this.kernel.close()
    this.netns.close()
  }
}

/** The programs since the last call, in order of the alphabet: those of two families run side by side. */
const taken = ({ programs }: KeptNamespace) => programs.splice(0).toSorted()
const RESTORES = ['ip6tables-restore', 'iptables-restore']

test('pods that come or go at once share one process a family, and nothing looks at what it did', async () => {
  await using kept = new KeptNamespace()
  await kept.reconciler.start()
  assert.deepEqual(taken(kept), ['ip6tables-save', 'iptables-save'])
  const pods = [2, 3, 4, 5, 6, 7, 8, 9]
  await Promise.all(pods.map(n => kept.want(n, true)))
  await kept.reconciler.settled()
  assert.deepEqual(taken(kept), RESTORES)
  assert.equal(kept.iptables('iptables-save').match(/-A POSTROUTING/g)?.length, pods.length)
  await Promise.all(pods.map(n => kept.want(n, false)))
  await kept.reconciler.settled()
  assert.deepEqual(taken(kept), RESTORES)
  assert.doesNotMatch(kept.iptables('iptables-save'), /PODLACE/)
  assert.doesNotMatch(kept.iptables('ip6tables-save'), /PODLACE/)
})

test('rules of others stay, and what they do in chains of their own takes no process', async () => {
  await using kept = new KeptNamespace()
  kept.iptables('iptables -t nat -A POSTROUTING -s 172.16.0.0/12 -j MASQUERADE')
  kept.iptables('iptables -A FORWARD -j DROP')
  const theirs = kept.iptables('iptables-save').replace(/^#.*\n/gm, '')
  await kept.reconciler.start()
  await kept.want(2, true)
  taken(kept)
  for (const line of ['-N THEIRS', '-A THEIRS -j RETURN', '-A POSTROUTING -j THEIRS', '-F THEIRS']) {
    kept.iptables(`iptables -t nat ${line}`)
  }
  await kept.reconciler.audit()
  // What an audit takes, and nothing before it.
  assert.deepEqual(taken(kept), ['ip6tables-save', 'iptables-save'])
  kept.iptables('iptables -t nat -D POSTROUTING -j THEIRS')
  kept.iptables('iptables -t nat -X THEIRS')
  await kept.want(2, false)
  assert.equal(kept.iptables('iptables-save').replace(/^#.*\n/gm, ''), theirs)
})

for (const [family, program] of [
  [4, 'iptables'],
  [6, 'ip6tables'],
] as const) {
  const damages: readonly [what: string, ...commands: string[]][] = [
    ['-F', `${program} -t nat -F`],
    ['-F POSTROUTING', `${program} -t nat -F POSTROUTING`],
    ['nft delete table', `nft delete table ${family === 4 ? 'ip' : 'ip6'} nat`],
  ]
  for (const [what, ...commands] of damages) {
    test(`IPv${family}: ${what} by somebody else is repaired`, async () => {
      await using kept = new KeptNamespace()
      await kept.reconciler.start()
      await Promise.all([2, 3].map(n => kept.want(n, true)))
      const rules = () =>
        kept
          .iptables(`${program}-save -t nat`)
          .split('\n')
          .filter(line => line.startsWith('-A'))
      const before = rules().toSorted()
      assert.equal(before.length, 2 * 3)
      for (const command of commands) kept.iptables(command)
      await eventually('the rules', () => rules().length === before.length || undefined)
      assert.deepEqual(rules().toSorted(), before)
      await kept.reconciler.settled()
      assert.deepEqual(kept.reconciler.findings, [])
    })
  }
}

test('a chain that the kernel refuses is told by name, and stops no other', async () => {
  await using kept = new KeptNamespace()
  await kept.reconciler.start()
  const [good, bad] = [chainsOf(2)[0], chainsOf(3)[0]]
  assert.ok(good !== undefined && bad !== undefined)
  const wanted = [good, { ...bad, rules: [['-j', 'NO-SUCH-CHAIN']] }]
  kept.desired.replace(wanted.map(chain => [entryKey(chain), chain]))
  const outcomes = await kept.reconciler.run(wanted.map(entryKey))
  assert.deepEqual(
    outcomes.map(({ operation, error }) => [operation.entry, error?.code]),
    [
      [wanted[0], undefined],
      [wanted[1], 'kernel.refused'],
    ],
  )
  assert.match(outcomes[1]?.error?.message ?? '', /iptables-restore refused: .*NO-SUCH-CHAIN/)
  assert.match(kept.iptables('iptables-save'), new RegExp(good.name))
})

const LOCK = path.join(os.tmpdir(), `podlace-test-${process.pid}.lock`)
after(() => fs.rmSync(LOCK, { force: true }))

/** The iptables of before nftables, with a lock that is not the machine's. */
function legacyIn(netns: Netns): RunProgram {
  const start = programsIn(netns)
  return (program, args, input) =>
    start('env', [`XTABLES_LOCKFILE=${LOCK}`, program.replace('tables-', 'tables-legacy-'), ...args], input)
}

test('iptables-legacy, which tells of nothing: an audit repairs', async () => {
  await using kept = new KeptNamespace(legacyIn)
  const legacy = legacyIn(kept.netns)
  const rules = async () => (await legacy('iptables-save', [], '')).stdout.match(/^-A.*PODLACE.*$/gm) ?? []
  await kept.reconciler.start()
  await Promise.all([2, 3].map(n => kept.want(n, true)))
  assert.deepEqual(taken(kept), ['ip6tables-save', 'iptables-save', ...RESTORES].toSorted())
  const before = await rules()
  assert.equal(before.length, 2 * 3)
  await kept.reconciler.audit()
  assert.deepEqual(await rules(), before)
  await legacy('iptables-restore', ['--noflush'], '*nat\n-F\nCOMMIT\n')
  await kept.reconciler.audit()
  assert.deepEqual((await rules()).toSorted(), before.toSorted())
  for (const n of [2, 3]) await kept.want(n, false)
  assert.deepEqual(await rules(), [])
})
