/** The shim under AddressSanitizer and UBSan: its own tests once more, then whatever a runtime or an agent may send. */
import assert from 'node:assert/strict'
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { Dice } from '../fuzz/engine/dice.ts'
import { mutateBytes } from '../fuzz/engine/mutate-bytes.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
/** What a sanitizer's report ends a program with; the shim never does. */
const REPORT_STATUS = 86
const SANITIZERS = {
  ASAN_OPTIONS: `detect_leaks=0:halt_on_error=1:exitcode=${REPORT_STATUS}`,
  UBSAN_OPTIONS: `halt_on_error=1:exitcode=${REPORT_STATUS}`,
}
const TESTS = ['shim', 'shim-alone', 'shim-orders'].map(name => `test/netns/${name}.test.ts`)
const ROUNDS = 100

let directory: string
let shim: string

before(() => {
  directory = mkdtempSync(join(tmpdir(), 'podlace-shim-asan-'))
  shim = join(directory, 'podlace-cni')
  const flags = '-std=gnu11 -O1 -g -fsanitize=address,undefined -fno-omit-frame-pointer'
  execFileSync('sh', ['-c', `cc ${flags} -o "$0" native/shim/*.c native/common/*.c`, shim], { cwd: root })
})

after(() => rmSync(directory, { recursive: true, force: true }))

test('the tests of the shim find no memory error', () => {
  const env = new Map(Object.entries({ ...process.env, ...SANITIZERS, PODLACE_SHIM: shim }))
  env.delete('NODE_TEST_CONTEXT')
  const child = spawnSync(
    process.execPath,
    // the size of this build says nothing
    ['--test', '--test-skip-pattern=static and small', ...TESTS],
    { cwd: root, env: Object.fromEntries(env), encoding: 'utf8', timeout: 120_000 },
  )
  assert.equal(child.status, 0, child.stdout + child.stderr)
})

interface Call {
  /** Values as bytes, for a runtime may put anything there but NUL. */
  readonly environment: Readonly<Record<string, Uint8Array>>
  readonly config: Uint8Array
}

/** For printf's %b; a variable has no NUL. */
function octal(bytes: Uint8Array): string {
  return Array.from(bytes, byte => `\\0${(byte === 0 ? 1 : byte).toString(8).padStart(3, '0')}`).join('')
}

/** Starts the shim by way of a shell, whose printf makes bytes of any value. */
function run(
  socketPath: string,
  { environment, config }: Call,
): Promise<{ status: number | null; stdout: Buffer; stderr: string }> {
  const names = Object.keys(environment)
  const assignments = names.map(
    name => `${name}="$(printf '%b.' "$X_${name}")"; export ${name}="\${${name}%.}"`,
  )
  const given = names.map(name => [`X_${name}`, octal(environment[name] ?? new Uint8Array())])
  const env = {
    ...SANITIZERS,
    ...Object.fromEntries(given),
    PODLACE_CNI_SOCKET: socketPath,
    PODLACE_STATE_DIR: join(directory, 'state'),
    PODLACE_CNI_DEADLINE_MS: '2000',
    LC_ALL: 'C',
  }
  const child = spawn('sh', ['-c', `${assignments.join('; ')}; exec "$0"`, shim], { env })
  const stdout: Buffer[] = []
  let stderr = ''
  child.stdout.on('data', (bytes: Buffer) => stdout.push(bytes))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  child.stdin.on('error', () => {})
  child.stdin.end(config)
  return new Promise(resolve =>
    child.on('close', status => resolve({ status, stdout: Buffer.concat(stdout), stderr })),
  )
}

const text = (value: string) => Buffer.from(value)
const CONFIG = text(
  '{"cniVersion":"1.0.0","name":"net","type":"podlace","a":[{"cniVersion":"x\\"y"}],"b":"\\\\"}',
)
const WORDS = ['"cniVersion"', '":"', '{', '[', '\\', '"', '\xff', '/proc/self/ns/net', '.', '1.1.0'].map(
  text,
)

/** A call with some of its values changed, now and then to something long. */
function hostileCall(dice: Dice): Call {
  const change = (value: Uint8Array) => {
    if (dice.oneIn(2)) return value
    const changed = mutateBytes(value, { dice, dictionary: WORDS, other: CONFIG })
    return dice.oneIn(6) ? Buffer.alloc(dice.below(24_000), changed.length === 0 ? 'x' : changed) : changed
  }
  const command = dice.pick(['ADD', 'DEL', 'CHECK', 'GC', 'STATUS', 'VERSION'])
  return {
    environment: {
      CNI_COMMAND: dice.oneIn(8) ? change(text(command)) : text(command),
      CNI_CONTAINERID: change(text('c0ffee')),
      CNI_NETNS: change(text('/dev/null')),
      CNI_IFNAME: change(text('eth0')),
      CNI_ARGS: change(text('K8S_POD_NAME=a;K8S_POD_NAMESPACE=b')),
    },
    config: dice.oneIn(10) ? Buffer.alloc(dice.below(1 << 20), '{"a":[') : change(CONFIG),
  }
}

test('no environment, no configuration and no agent makes it read or write where it must not', async () => {
  const dice = new Dice(1)
  const replies = [0, 1, 2, 5, 300].map(length =>
    Buffer.concat([Buffer.of(0, 0, length >> 8, length & 0xff), Buffer.alloc(300, '{')]),
  )
  const server = createServer(socket => {
    socket.on('error', () => {}).resume()
    const reply = dice.pick(replies)
    socket.end(mutateBytes(reply, { dice, dictionary: WORDS, other: reply }))
  })
  const socketPath = join(directory, 'agent.sock')
  await new Promise<void>(resolve => server.listen(socketPath, resolve))
  try {
    for (let round = 0; round < ROUNDS; round += 1) {
      const call = hostileCall(dice)
      const answered = round % 2 === 0
      const { status, stdout, stderr } = await run(answered ? socketPath : join(directory, 'none'), call)
      const told = `round ${round}\n${stderr}`
      assert.ok(status !== null && status !== REPORT_STATUS, told)
      assert.doesNotMatch(stderr, /Sanitizer|runtime error/, told)
      // without an agent the shim answers itself, in JSON, whatever it was given
      if (!answered && stdout.length > 0) assert.doesNotThrow(() => JSON.parse(stdout.toString()), told)
    }
  } finally {
    await new Promise(resolve => server.close(resolve))
  }
})
