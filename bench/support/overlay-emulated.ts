/** Runs inside the guest: prints what it does, a line each, and on the last line the rows as JSON. */
import process from 'node:process'
import { measureBackend, type Plan } from './overlay-rows.ts'

/** An emulated processor does a tenth of the work, and all the same noise. */
const FULL: Plan = { pairs: 2, rounds: 10, megabytes: 10, requests: 200 }
const QUICK: Plan = { pairs: 1, rounds: 2, megabytes: 5, requests: 50 }

const { signal } = new AbortController()
const context = { note: (line: string) => process.stdout.write(`${line}\n`), signal }
const plan = process.argv.includes('--quick') ? QUICK : FULL
const rows = [
  // What encrypts nothing carries twenty times as much.
  ...(await measureBackend('ipip', { ...plan, megabytes: 10 * plan.megabytes }, context, '-emulated')),
  ...(await measureBackend('wireguard', plan, context, '-emulated')),
]
context.note(JSON.stringify(rows))
