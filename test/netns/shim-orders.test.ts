/** The CNI shim runs plugins on the order of its agent. */
import assert from 'node:assert/strict'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { type Answer, CalledShim, CONFIG, reply } from './called-shim.ts'

let shim: CalledShim
beforeEach(() => {
  shim = new CalledShim()
})
afterEach(() => shim[Symbol.dispose]())

/** The frame by which an agent has a plugin run; then what the shim told of it, and what it printed at the end. */
async function order(strings: readonly string[], stdin = '', more = {}): Promise<[number, string, Answer]> {
  let told: Buffer = Buffer.alloc(0)
  const answers = [
    Buffer.concat([Buffer.from([255]), Buffer.from(`${strings.join('\0')}\0\0${stdin}`)]),
    reply(3, 'the end'),
  ]
  shim.listen((payload, _, connection) => {
    told = Buffer.from(payload)
    connection.send(answers.shift() ?? reply(9, 'too many frames'))
  })
  const answer = await shim.run(shim.pods({ COMMAND: 'ADD', PATH: `/none:${shim.directory}:` }), CONFIG, more)
  return [told[0] ?? -1, told.subarray(1).toString(), answer]
}

function plugin(name: string, script: string): void {
  writeFileSync(join(shim.directory, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 })
}

test('a plugin that the agent orders is run with its variables and its input; its output is told', async () => {
  plugin('theirs', 'echo "$CNI_COMMAND $CNI_CONTAINERID $EXTRA"; cat; exit 7')
  const input = 'x'.repeat(300_000)
  const [code, output, answer] = await order(['theirs', 'CNI_COMMAND=GC', 'EXTRA=y'], input)
  assert.equal(code, 7)
  assert.equal(output, `GC c0ffee y\n${input}`)
  assert.deepEqual(answer, { status: 3, stdout: 'the end', stderr: '' })
})

test('an order that cannot be carried out is told by its errno, and the call goes on', async () => {
  plugin('large', 'head -c 1100000 /dev/zero')
  plugin('slow', 'echo $$ > "$0.pid"; exec sleep 60')
  writeFileSync(join(shim.directory, 'broken'), 'no program', { mode: 0o755 })
  writeFileSync(join(shim.directory, 'no-program'), '', { mode: 0o644 })
  const refusals: [string, number, string][] = [
    ['none', 255, 'ENOENT'],
    ['no-program', 255, 'ENOENT'],
    ['../theirs', 255, 'EPROTO'],
    ['.hidden', 255, 'EPROTO'],
    ['', 255, 'EPROTO'],
    ['large', 255, 'EMSGSIZE'],
    ['broken', 127, ''],
  ]
  for (const [name, code, text] of refusals) {
    const told = await order([name])
    assert.deepEqual(told, [code, text, { status: 3, stdout: 'the end', stderr: '' }], name)
  }
  const late = await order(['slow'], '', { PODLACE_CNI_DEADLINE_MS: '700' })
  assert.deepEqual(late.slice(0, 2), [255, 'ETIMEDOUT'])
  const pid = readFileSync(join(shim.directory, 'slow.pid'), 'utf8').trim()
  assert.ok(!existsSync(`/proc/${pid}`), 'the plugin was killed')
})
