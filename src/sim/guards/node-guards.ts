import type { Guard } from './guard.ts'

/** What an agent does so that its own node stays in order. */
export const NODE_GUARDS: readonly Guard[] = [
  {
    name: 'journal-first',
    protects: 'the intent of an ADD is written before the first kernel operation',
    file: 'agent/journal/journal.ts',
    find: '      this.append(line)\n',
    replace: '      void this.options.disk.sync().done.then(() => this.append(line))\n',
    expects: ['I8', 'I3'],
  },
  {
    name: 'sync',
    protects: 'and on the disk, not only in the cache, before the ADD is answered',
    file: 'agent/attachments/attachments.ts',
    find: '        await finished(recorded)\n',
    replace: '',
    expects: ['I8'],
  },
  {
    name: 'undo',
    protects: 'an ADD that fails takes back what it made',
    file: 'agent/attachments/attachments.ts',
    find: '        await this.undo(key, attached.record, pod)\n',
    replace: '',
    expects: ['I3', 'I7'],
  },
  {
    name: 'del-from-journal',
    protects: 'DEL works from the journal, also when the namespace is gone',
    file: 'agent/calls.ts',
    find: `        await this.remove(call, plugin, pod)
        return {}`,
    replace: `        if (pod !== undefined) await this.remove(call, plugin, pod)
        return {}`,
    expects: ['I3', 'I7'],
  },
  {
    name: 'tombstones',
    protects: 'a DEL that was recorded while the agent was away is carried out',
    file: 'agent/tombstones.ts',
    find: '    await agent.handle(decodeRequest(payload), undefined, execute)\n',
    replace: '',
    expects: ['I3', 'I7'],
  },
  {
    name: 'late-tombstones',
    protects: 'a DEL from before an ADD is not carried out after it',
    file: 'agent/tombstones.ts',
    find: `    if (environment.get('CNI_COMMAND') === 'ADD') {`,
    replace: `    if (environment.get('CNI_COMMAND') === 'never') {`,
    expects: ['I1', 'I2', 'I3'],
  },
  {
    name: 'boot-id',
    protects: 'a journal of an earlier life of the machine is not believed',
    file: 'agent/journal/journal.ts',
    find: 'header.output.bootId !== this.options.bootId',
    replace: 'header.output.bootId === undefined',
    expects: ['I3', 'I7'],
  },
  {
    name: 'held-addresses',
    protects: 'a restarted agent knows which addresses its pods hold',
    file: 'agent/addresses/node-pool.ts',
    find: 'if (pool.rangeOf(address) !== undefined) pool.restore(holder, address)',
    replace: 'if (pool.rangeOf(address) === undefined) pool.restore(holder, address)',
    expects: ['I1'],
  },
  {
    name: 'address-cooldown',
    protects: 'an address rests before its next owner',
    file: 'ipam/address-pool.ts',
    find: 'this.resting.set(address, this.clock.nowMs() + this.cooldownMs)',
    replace: 'this.resting.set(address, this.clock.nowMs())',
    expects: ['I1'],
  },
  {
    name: 'marks',
    protects: 'only what bears our mark is deleted',
    file: 'kernel/ownership.ts',
    find: `    case 'nft-table':
      return mark === 'ours'`,
    replace: `    case 'nft-table':
      return true`,
    expects: ['I6'],
  },
  {
    name: 'overflow-resync',
    protects: 'after an overflow of the event socket (ENOBUFS) everything is observed again',
    file: 'kernel/reconciler.ts',
    find: `    if (event.event === 'resync') return this.ask({ why: event.why, cause: 'drift' }, 'soon')
`,
    replace: `    if (event.event === 'resync') return
`,
    expects: ['I7'],
  },
  {
    name: 'retry',
    protects: 'what the kernel refused is tried again',
    file: 'kernel/outcomes.ts',
    find: '    if (again.size > 0) this.retries.fail(again)\n',
    replace: '',
    expects: ['I7', 'I2'],
  },
]
