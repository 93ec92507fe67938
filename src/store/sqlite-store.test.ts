import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  closeSync,
  copyFileSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, describe, it } from 'node:test'
import { systemClock } from '../base/index.ts'
import { isStoreError, type StoreErrorCode } from './errors.ts'
import type { SqliteOptions } from './sqlite-journal.ts'
import { SqliteStore } from './sqlite-store.ts'
import { nodeDraft, storeSuite } from './store-suite.ts'

const directory = mkdtempSync(join(tmpdir(), 'podlace-sqlite-'))
after(() => rmSync(directory, { recursive: true, force: true }))
let files = 0
const newPath = () => join(directory, `store-${(files += 1)}.db`)

function open(path: string, extra: Partial<SqliteOptions> & { windowSize?: number } = {}): SqliteStore {
  return new SqliteStore({ path, clock: systemClock, random: Math.random, ...extra })
}

storeSuite('SqliteStore', async () => {
  const store = open(newPath())
  return { store, compact: () => store.compact(), close: async () => store.close() }
})

function opensWith(path: string, code: StoreErrorCode, words: RegExp): void {
  assert.throws(
    () => open(path).close(),
    error => {
      assert.ok(isStoreError(error, code), String(error))
      assert.match(error.message, words)
      return true
    },
  )
}

describe('SqliteStore', () => {
  it('has after a restart what it had, and its watches go on', async () => {
    const path = newPath()
    const first = open(path)
    await first.create('Node', nodeDraft('a'))
    const { resourceVersion } = await first.list('Node')
    await first.patch('Node', 'a', { spec: { podCIDR: '10.1.0.0/24' } })
    await first.create('Pod', { metadata: { name: 'p', namespace: 'default' }, spec: {} })
    await first.delete('Pod', 'default/p')
    const before = await first.list('Node')
    first.close()

    const second = open(path)
    assert.deepEqual(await second.list('Node'), before)
    const signal = AbortSignal.timeout(5_000)
    for await (const event of second.watch('Node', { resourceVersion, signal })) {
      assert.equal(event.type, 'MODIFIED')
      break
    }
    const next = await second.create('Node', nodeDraft('b'))
    assert.equal(Number(next.metadata.resourceVersion), Number(before.resourceVersion) + 1)
    second.close()
  })

  it('forgets changes beyond the window, in the file too', async () => {
    const path = newPath()
    const first = open(path, { windowSize: 3 })
    for (let i = 0; i < 20; i += 1) await first.create('Node', nodeDraft(`n${i}`))
    first.close()
    const second = open(path, { windowSize: 3 })
    assert.equal((await second.list('Node')).items.length, 20)
    const watch = second.watch('Node', { resourceVersion: '2', signal: AbortSignal.timeout(5_000) })
    await assert.rejects(watch[Symbol.asyncIterator]().next(), error => isStoreError(error, 'store.expired'))
    second.close()
  })

  it('refuses writes when the disk is full, keeps reading, and goes on when there is room', async () => {
    const path = newPath()
    const store = open(path, { maxPages: 16 })
    const big = 'x'.repeat(3_000)
    let written = 0
    await assert.rejects(
      async () => {
        for (; written < 100; written += 1) {
          const metadata = { name: `n${written}`, annotations: { big } }
          await store.create('Node', nodeDraft('', { metadata }))
        }
      },
      error => isStoreError(error, 'store.full') && /Reads go on/.test(error.message),
    )
    assert.equal((await store.list('Node')).items.length, written)
    await assert.rejects(store.get('Node', `n${written}`), error => isStoreError(error, 'store.not-found'))
    store.close()
    const roomy = open(path)
    assert.equal((await roomy.list('Node')).items.length, written)
    await roomy.create('Node', nodeDraft('again'))
    roomy.close()
  })

  it('refuses a file that is damaged or no database, and leaves it as it is', async () => {
    const path = newPath()
    const store = open(path)
    for (let i = 0; i < 50; i += 1) await store.create('Node', nodeDraft(`n${i}`))
    store.close()
    const damaged = newPath()
    copyFileSync(path, damaged)
    const file = openSync(damaged, 'r+')
    for (let page = 1; page < 6; page += 1) writeSync(file, Buffer.alloc(200, 0xa5), 0, 200, page * 4096)
    closeSync(file)
    const before = readFileSync(damaged)
    opensWith(damaged, 'store.corrupt', /mv .*damaged/)
    assert.deepEqual(readFileSync(damaged), before)

    const text = newPath()
    writeFileSync(text, 'this is no database, but it is long enough to be looked at as one'.repeat(20))
    opensWith(text, 'store.corrupt', /not a database/)
    opensWith(join(directory, 'missing', 'x.db'), 'store.config', /directory/)
  })

  it('refuses to share its file with another process', () => {
    const path = newPath()
    const store = open(path)
    opensWith(path, 'store.in-use', /another process/)
    store.close()
    open(path).close()
  })

  it('loses no acknowledged write when it is killed', { timeout: 60_000 }, async () => {
    const path = newPath()
    let acknowledged = 0
    for (const goal of [1, 37, 150, 400]) {
      acknowledged = await writeUntilKilled(path, acknowledged, acknowledged + goal)
      const store = open(path)
      const names = new Set((await store.list('Node')).items.map(node => node.metadata.name))
      for (let i = 0; i < acknowledged; i += 1)
        assert.ok(names.has(`n${i}`), `n${i} of ${acknowledged} is lost`)
      assert.ok(names.size <= acknowledged + 1_000)
      acknowledged = names.size
      store.close()
    }
  })
})

/** Runs a writer in a process of its own and kills it in the middle; returns how many writes it had acknowledged. */
async function writeUntilKilled(path: string, from: number, until: number): Promise<number> {
  const program = `
    import { writeSync } from 'node:fs'
    import { systemClock } from ${JSON.stringify(new URL('../base/index.ts', import.meta.url))}
    import { SqliteStore } from ${JSON.stringify(new URL('./sqlite-store.ts', import.meta.url))}
    const store = new SqliteStore({ path: ${JSON.stringify(path)}, clock: systemClock, random: Math.random })
    for (let i = ${from}; i < ${until + 1_000}; i += 1) {
      await store.create('Node', { metadata: { name: 'n' + i }, spec: {} })
      writeSync(1, i + '\\n')
    }
    setTimeout(() => {}, 60_000)`
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = once(child, 'exit')
  let acknowledged = from
  for await (const line of createInterface({ input: child.stdout })) {
    acknowledged = Number(line) + 1
    if (acknowledged >= until) child.kill('SIGKILL')
  }
  await exited
  return acknowledged
}
