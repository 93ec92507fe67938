/**
 * `first-apply.ts PEERS`: puts the entries of many peers into the network namespace it runs in, by the reconciler, and
 * prints milliseconds and CPU milliseconds from the first look at the kernel to the last entry. A process of its own,
 * since an agent does it once, before V8 has compiled anything.
 */
import process from 'node:process'
import { silentLogger, systemClock } from '../../src/base/index.ts'
import { Graph } from '../../src/derive/index.ts'
import { type Entry, entryKey, NetlinkKernel, Reconciler } from '../../src/kernel/index.ts'
import { NetlinkEvents, Netns } from '../../src/sys/index.ts'
import { allEntries } from './many-peers.ts'

const entries = allEntries(Number(process.argv[2]))
const desired = new Graph().source<Entry>('desired')
const netns = Netns.own()
const cpuBefore = process.cpuUsage()
const started = performance.now()
desired.replace(entries.map(entry => [entryKey(entry), entry]))
const kernel = new NetlinkKernel({ netns, openEvents: NetlinkEvents.open })
const reconciler = new Reconciler({ kernel, desired, clock: systemClock, log: silentLogger })
await reconciler.start()
await reconciler.settled()
const ms = performance.now() - started
const { user, system } = process.cpuUsage(cpuBefore)
const [finding] = reconciler.findings
if (finding !== undefined) throw new Error(finding.message)
process.stdout.write(`${ms} ${(user + system) / 1000}\n`)
await reconciler.stop()
kernel.close()
netns.close()
