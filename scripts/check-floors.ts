/**
 * Holds every file of `src/` against the table in `floors.ts`: imports between rooms, who may load the addon, who
 * may read the clock, who may print. `npm run floors` prints what it finds; a repo test runs the same check.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import process from 'node:process'
import {
  ADDON_ROOM,
  CLOCK_ADAPTERS,
  DOOR,
  FLOORS,
  type Floor,
  OUTSIDE_ALLOWED,
  TEST_DOORS,
} from './floors.ts'
import { type Import, readImports, readSource } from './imports.ts'

export interface Violation {
  /** Below `src/`. */
  readonly file: string
  /** Counted from 1; 0 for a whole folder. */
  readonly line: number
  readonly rule: 'room' | 'floor' | 'order' | 'planners' | 'door' | 'outside' | 'addon' | 'clock' | 'console'
  readonly message: string
}

interface Place {
  readonly room: string
  readonly floor: Floor
  /** Position on the floor, from the left. */
  readonly index: number
}

interface File {
  readonly path: string
  readonly text: string
}

/** All TypeScript files below `root`, as paths with forward slashes. */
function listFiles(root: string): File[] {
  return readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter(path => path.endsWith('.ts'))
    .sort()
    .map(path => ({ path, text: readFileSync(join(root, path), 'utf8') }))
}

function findPlace(room: string): Place | undefined {
  for (const floor of FLOORS) {
    const index = floor.rooms.indexOf(room)
    if (index >= 0) return { room, floor, index }
  }
  return undefined
}

const roomOf = (path: string): string => path.split('/')[0] ?? ''
/** Tests, and what only tests import. */
const isTest = (path: string): boolean => /\.test\.ts$|\/testing(\.ts$|\/)/.test(path)

/** Checks a tree that looks like `src/`. */
export function checkFloors(root: string): Violation[] {
  const violations: Violation[] = []
  const unknown = new Set<string>()
  for (const file of listFiles(root)) {
    const room = roomOf(file.path)
    const place = findPlace(room)
    if (place !== undefined) {
      violations.push(...checkImports(file, place), ...checkCalls(file, room))
    } else if (!unknown.has(room)) {
      unknown.add(room)
      violations.push(unknownRoom(room))
    }
  }
  return violations
}

function unknownRoom(room: string): Violation {
  const message = `${room} is no room: add it to the table in scripts/floors.ts, on the lowest floor that does`
  return { file: room, line: 0, rule: 'room', message }
}

function checkImports(file: File, from: Place): Violation[] {
  const violations: Violation[] = []
  for (const imported of readImports(file.text)) {
    if (!imported.specifier.startsWith('.')) continue
    const broken = judgeImport(file.path, from, imported)
    if (broken !== undefined) violations.push({ file: file.path, line: imported.line, ...broken })
  }
  return violations
}

function judgeImport(
  path: string,
  from: Place,
  imported: Import,
): Pick<Violation, 'rule' | 'message'> | undefined {
  const target = posix.join(posix.dirname(path), imported.specifier)
  if (OUTSIDE_ALLOWED.includes(target)) return undefined
  if (target.startsWith('..'))
    return { rule: 'outside', message: `imports ${imported.specifier} outside src` }
  const room = roomOf(target)
  if (room === from.room) return undefined
  const to = findPlace(room)
  if (to === undefined) return { rule: 'room', message: `imports ${imported.specifier} from no known room` }
  return judgeDirection(from, to) ?? judgeDoor(path, room, target)
}

function judgeDirection(from: Place, to: Place): Pick<Violation, 'rule' | 'message'> | undefined {
  const rooms = `${from.room} (floor ${from.floor.floor}) imports ${to.room} (floor ${to.floor.floor})`
  if (to.floor.floor > from.floor.floor) return { rule: 'floor', message: `${rooms}: imports go down` }
  if (to.floor !== from.floor) return undefined
  if (from.floor.planners) return { rule: 'planners', message: `${rooms}: planners do not import each other` }
  if (to.index < from.index) return undefined
  return {
    rule: 'order',
    message: `${rooms}: inside a floor only rooms to the left: ${to.floor.rooms.join(' ')}`,
  }
}

function judgeDoor(
  path: string,
  room: string,
  target: string,
): Pick<Violation, 'rule' | 'message'> | undefined {
  if (target === `${room}/${DOOR}`) return undefined
  if (isTest(path) && TEST_DOORS.some(door => target === `${room}/${door}`)) return undefined
  return { rule: 'door', message: `imports ${target}: other rooms are entered by ${room}/${DOOR} only` }
}

interface CallRule {
  readonly rule: Violation['rule']
  readonly pattern: RegExp
  readonly message: string
  /** Strings count too: a module's name is one. */
  readonly inStrings: boolean
  allowed(path: string, room: string): boolean
}

const CALL_RULES: readonly CallRule[] = [
  {
    rule: 'addon',
    pattern: /\bdlopen\b|\bcreateRequire\b|\brequire\s*\(|\b(?:from|import)\b[\s('"]+[^'"\n]*\.node['"]/g,
    message: `only ${ADDON_ROOM} loads the native addon`,
    inStrings: true,
    allowed: (_path, room) => room === ADDON_ROOM,
  },
  {
    rule: 'clock',
    pattern:
      /\b(?:Date\s*\.\s*now|Math\s*\.\s*random|performance\s*\.\s*now|process\s*\.\s*hrtime)\b|\bset(?:Timeout|Interval)\s*\(|\bnew\s+Date\s*\(\s*\)|\bnode:timers/g,
    message: 'time and chance are injected (Clock, random); adapters are named in scripts/floors.ts',
    inStrings: true,
    allowed: (path, room) =>
      isTest(path) || CLOCK_ADAPTERS.some(adapter => adapter.path === room || adapter.path === path),
  },
  {
    rule: 'console',
    pattern: /\bconsole\s*\./g,
    message: 'no console: a Logger in rooms, process.stdout in cli',
    inStrings: false,
    allowed: () => false,
  },
]

function checkCalls(file: File, room: string): Violation[] {
  const { withStrings, codeOnly } = readSource(file.text)
  const violations: Violation[] = []
  for (const rule of CALL_RULES) {
    if (rule.allowed(file.path, room)) continue
    const text = rule.inStrings ? withStrings : codeOnly
    for (const match of text.matchAll(rule.pattern)) {
      const line = text.slice(0, match.index).split('\n').length
      violations.push({ file: file.path, line, rule: rule.rule, message: `${match[0]}: ${rule.message}` })
    }
  }
  return violations
}

/** `src/kernel/diff.ts:12 floor: kernel (floor 3) imports ...` */
export function formatViolation({ file, line, rule, message }: Violation): string {
  return `src/${file}${line > 0 ? `:${line}` : ''} ${rule}: ${message}`
}

if (process.argv[1] === import.meta.filename) {
  const violations = checkFloors(join(import.meta.dirname, '..', 'src'))
  for (const violation of violations) process.stdout.write(`${formatViolation(violation)}\n`)
  process.stdout.write(
    `floors: ${violations.length === 0 ? 'every import goes down' : `${violations.length} broken`}\n`,
  )
  process.exitCode = violations.length === 0 ? 0 : 1
}
