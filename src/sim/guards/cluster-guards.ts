import type { Guard } from './guard.ts'

/** What agents and controllers do so that nodes do not harm one another. */
export const CLUSTER_GUARDS: readonly Guard[] = [
  {
    name: 'hold-deletes',
    protects: 'a restarted agent deletes nothing before the first complete list',
    file: 'agent/agent.ts',
    find: '    this.reconciler.holdDeletes()\n',
    replace: '',
    expects: ['I10'],
  },
  {
    name: 'relist-diff',
    protects: 'what vanished while nobody watched is taken out after the next list',
    file: 'store/informer.ts',
    find: '    source.replace(this.entriesOf(list))\n',
    replace: '    for (const [key, value] of this.entriesOf(list)) source.set(key, value)\n',
    expects: ['I5', 'I2', 'I4', 'I1'],
  },
  {
    name: 'relist-after-410',
    protects: 'a watch whose revision expired begins with a new list',
    file: 'store/informer.ts',
    find: `    if (isStoreError(error, 'store.expired')) {
      this.position = undefined
`,
    replace: `    if (isStoreError(error, 'store.expired')) {
`,
    expects: ['I5', 'I2', 'I7', 'I4', 'I12'],
  },
  {
    name: 'old-lists',
    protects: 'a list older than what was seen is refused',
    file: 'store/informer.ts',
    find: '    this.refuseOldList(list)\n',
    replace: '',
    expects: ['I10', 'I4', 'I1', 'I5'],
  },
  {
    name: 'old-events',
    protects: 'a watch that goes back in time is not believed',
    file: 'store/informer.ts',
    find: `    if (verdict !== 'new') {
`,
    replace: `    if (false) {
`,
    expects: ['I10', 'I4', 'I1', 'I5', 'I2'],
  },
  {
    name: 'fence',
    protects: 'a node whose block may be another’s takes its part of the overlay down',
    file: 'agent/network/own-network.ts',
    find: '    this.options.self.delete(SELF_KEY)\n',
    replace: '',
    expects: ['I4', 'I1'],
  },
  {
    name: 'lease',
    protects: 'it does so also when nobody tells it, when its claim was not confirmed for too long',
    file: 'agent/network/lease-state.ts',
    find: 'const over = held.find(({ untilMs }) => nowMs >= untilMs)',
    replace: 'const over = held.find(({ untilMs }) => untilMs === 0)',
    expects: ['I4', 'I1'],
  },
  {
    name: 'stray-pods',
    protects: 'a node that got another block stays fenced until the pods of its old one are gone',
    file: 'agent/network/own-network.ts',
    find: 'const lost = this.lostBlock(node) ?? this.strayAddresses(node)',
    replace: 'const lost = this.lostBlock(node)',
    expects: ['I4', 'I1', 'I2'],
  },
  {
    name: 'rival',
    protects: 'of two machines under one name only one takes part',
    file: 'agent/network/block-lease.ts',
    find: 'if (!this.yields(cidr, block)) await this.renew(cidr, block)',
    replace: 'await this.renew(cidr, block)',
    expects: ['I1', 'defect'],
  },
  {
    name: 'block-cooldown',
    protects: 'the block of a node that left stays reserved for a while',
    file: 'controller/plan.ts',
    find: 'if ((this.world.releasedForMs.get(name) ?? 0) < cooldownMs) return',
    replace: '',
    expects: ['I4', 'I1'],
  },
  {
    name: 'give-up',
    protects: 'before it reports that nobody uses a released block, an agent stops using it',
    file: 'agent/registration.ts',
    find: '      if (frees) lease.giveUp(block)\n',
    replace: '',
    expects: ['I4', 'I1'],
  },
  {
    name: 'alone',
    protects: 'who took a claim over reports so only when the one before cannot rely on it any more',
    file: 'agent/registration.ts',
    find: '      if (frees && !lease.isAlone) continue\n',
    replace: '',
    expects: ['I4', 'I1'],
  },
  {
    name: 'report-is-current',
    protects: 'a count of attachments from before a release does not free the block',
    file: 'agent/registration.ts',
    find: '{ status: { attachments } }, { uid, resourceVersion })',
    replace: '{ status: { attachments } }, { uid })',
    expects: ['I4', 'I1'],
  },
  {
    name: 'upkeep-retry',
    protects: 'what the API server did not take is written again',
    file: 'agent/upkeep.ts',
    find: '    this.retry = this.options.clock.after(delayMs, () => this.poke())\n',
    replace: '',
    expects: ['I2', 'I4', 'I7'],
  },
]
