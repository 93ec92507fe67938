import assert from 'node:assert/strict'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { describe, it } from 'node:test'
import { checkFloors, formatViolation, type Violation } from '../../scripts/check-floors.ts'
import { CLOCK_ADAPTERS, DOORLESS, FLOORS } from '../../scripts/floors.ts'

const SRC = join(import.meta.dirname, '../../src')

describe('the sources', () => {
  it('keep to the floors, the doors and the injected clock', () => {
    assert.deepEqual(checkFloors(SRC).map(formatViolation), [])
  })

  it('give every room a door', () => {
    const rooms = readdirSync(SRC).filter(name => statSync(join(SRC, name)).isDirectory())
    const doorless = rooms.filter(
      room => !DOORLESS.includes(room) && !readdirSync(join(SRC, room)).includes('index.ts'),
    )
    assert.deepEqual(doorless, [])
  })

  it('have a table without doubles, and a reason for every exception', () => {
    const rooms = FLOORS.flatMap(floor => floor.rooms)
    assert.equal(new Set(rooms).size, rooms.length)
    for (const { path, why } of CLOCK_ADAPTERS)
      assert.ok(why.length > 10 && existsSync(join(SRC, path)), path)
  })
})

/** Writes a small `src/`, checks it, removes it. */
function check(files: Readonly<Record<string, string>>): Violation[] {
  const root = mkdtempSync(join(tmpdir(), 'podlace-floors-'))
  try {
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(root, path)), { recursive: true })
      writeFileSync(join(root, path), text)
    }
    return checkFloors(root)
  } finally {
    rmSync(root, { recursive: true })
  }
}

interface Case {
  readonly name: string
  readonly file: string
  readonly text: string
  /** Absent: nothing is wrong with it. */
  readonly rule?: Violation['rule']
}

const CASES: readonly Case[] = [
  { name: 'down', file: 'agent/a.ts', text: "import { a } from '../kernel/index.ts'" },
  { name: 'up', file: 'kernel/a.ts', text: "import { a } from '../agent/index.ts'", rule: 'floor' },
  {
    name: 'up, types only',
    file: 'kernel/a.ts',
    text: "import type { A } from '../agent/index.ts'",
    rule: 'floor',
  },
  {
    name: 'up, over several lines',
    file: 'ip/a.ts',
    text: "import {\n  a,\n  b,\n} from '../sys/index.ts'",
    rule: 'floor',
  },
  { name: 'up, re-exported', file: 'ip/a.ts', text: "export * from '../sys/index.ts'", rule: 'floor' },
  { name: 'up, called', file: 'ip/a.ts', text: "const a = await import('../sys/index.ts')", rule: 'floor' },
  { name: 'up, for its effect', file: 'ip/a.ts', text: "import '../sys/index.ts'", rule: 'floor' },
  { name: 'up, in a test', file: 'ip/a.test.ts', text: "import { a } from '../sys/index.ts'", rule: 'floor' },
  { name: 'up, in a comment', file: 'ip/a.ts', text: "// import { a } from '../sys/index.ts'" },
  {
    name: 'up, in a template',
    file: 'ip/a.ts',
    text: 'const a = `import { a } from "../sys/index.ts"`',
  },
  { name: 'up, as words in a list', file: 'ip/a.ts', text: "const a = ['import', '../sys/index.ts']" },
  {
    name: 'up, after a regular expression with a quote',
    file: 'ip/a.ts',
    text: "const a = /['`]/\nimport { b } from '../sys/index.ts'",
    rule: 'floor',
  },
  { name: 'left on its floor', file: 'agent/a.ts', text: "import { a } from '../cni/index.ts'" },
  {
    name: 'right on its floor',
    file: 'cni/a.ts',
    text: "import { a } from '../agent/index.ts'",
    rule: 'order',
  },
  {
    name: 'planner to planner',
    file: 'trace/a.ts',
    text: "import { a } from '../attach/index.ts'",
    rule: 'planners',
  },
  { name: 'past the door', file: 'agent/a.ts', text: "import { a } from '../kernel/diff.ts'", rule: 'door' },
  { name: 'inside a room', file: 'kernel/a.ts', text: "import { a } from './diff.ts'" },
  { name: 'deep inside a room', file: 'netlink/kinds/a.ts', text: "import { a } from '../link.ts'" },
  {
    name: 'the test door, by a test',
    file: 'agent/a.test.ts',
    text: "import { a } from '../kernel/testing.ts'",
  },
  {
    name: 'a folder behind the test door',
    file: 'agent/testing/a.ts',
    text: "import '../../kernel/testing/index.ts'",
  },
  {
    name: 'the test door, by a program',
    file: 'agent/a.ts',
    text: "import { a } from '../kernel/testing.ts'",
    rule: 'door',
  },
  {
    name: 'out of src',
    file: 'ip/a.ts',
    text: "import { a } from '../../scripts/floors.ts'",
    rule: 'outside',
  },
  { name: 'the package', file: 'cli/a.ts', text: "import a from '../../package.json' with { type: 'json' }" },
  { name: 'an unknown room', file: 'cellar/a.ts', text: 'export const a = 1', rule: 'room' },
  { name: 'a package', file: 'ip/a.ts', text: "import { a } from 'valibot'" },
  { name: 'the addon in sys', file: 'sys/a.ts', text: "process.dlopen(module, '../build/podlace.node')" },
  {
    name: 'the addon by name, as the lab must to show it to a node',
    file: 'lab/a.ts',
    text: "const parts = ['build/podlace.node', 'build/podlace-cni']",
  },
  {
    name: 'the addon elsewhere',
    file: 'agent/a.ts',
    text: "import a from './podlace.node'",
    rule: 'addon',
  },
  {
    name: 'createRequire elsewhere',
    file: 'agent/a.ts',
    text: "import { createRequire } from 'node:module'",
    rule: 'addon',
  },
  { name: 'wall time', file: 'agent/a.ts', text: 'const now = Date.now()', rule: 'clock' },
  { name: 'wall time, as a date', file: 'agent/a.ts', text: 'const now = new Date()', rule: 'clock' },
  { name: 'a date from a value', file: 'agent/a.ts', text: 'const day = new Date(5)' },
  { name: 'wall time in a template', file: 'agent/a.ts', text: 'const now = `${Date.now()}`', rule: 'clock' },
  { name: 'a timer', file: 'agent/a.ts', text: 'setTimeout(() => {}, 5)', rule: 'clock' },
  { name: 'an interval', file: 'agent/a.ts', text: 'setInterval(() => {}, 5)', rule: 'clock' },
  {
    name: 'a timer from its module',
    file: 'agent/a.ts',
    text: "import 'node:timers/promises'",
    rule: 'clock',
  },
  { name: 'chance', file: 'agent/a.ts', text: 'const a = Math.random()', rule: 'clock' },
  { name: 'monotonic time', file: 'agent/a.ts', text: 'const a = performance.now()', rule: 'clock' },
  { name: 'a timer in base', file: 'base/a.ts', text: 'setTimeout(() => {}, 5)' },
  { name: 'a timer in a test', file: 'agent/a.test.ts', text: 'setTimeout(() => {}, 5)' },
  { name: 'a timer in words', file: 'agent/a.ts', text: '// Date.now and setTimeout( are forbidden' },
  { name: 'console', file: 'cli/a.ts', text: "console.log('a')", rule: 'console' },
  { name: 'console in a string', file: 'cli/a.ts', text: "const a = 'the console. of old'" },
]

describe('the floor check', () => {
  for (const { name, file, text, rule } of CASES) {
    it(`${rule === undefined ? 'accepts' : 'refuses'} ${name}`, () => {
      const found = check({ [file]: text })
      assert.deepEqual(
        found.map(violation => violation.rule),
        rule === undefined ? [] : [rule],
      )
      if (rule !== undefined) assert.equal(found[0]?.file, rule === 'room' ? 'cellar' : file)
    })
  }

  it('names the line', () => {
    const [found] = check({ 'ip/a.ts': "/* one\ntwo */\n\nimport { a } from '../sys/index.ts'" })
    assert.equal(found?.line, 4)
  })

  it('says what to do about an unknown room, once', () => {
    const found = check({ 'cellar/a.ts': '', 'cellar/b.ts': '' })
    assert.equal(found.length, 1)
    assert.match(found[0]?.message ?? '', /add it to the table in scripts\/floors\.ts/)
  })
})
