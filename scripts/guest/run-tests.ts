/**
 * Runs tests in a guest, two files at a time; then, in another one, those that need it for themselves.
 *
 *   run-tests.ts [FILE...]   paths from the root of the repository; without any, all that belong there
 */
import { chmodSync, globSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { bundleEach } from './bundle.ts'
import { guestSession, REPOSITORY } from './session.ts'

/** Many times what is needed on a quiet machine. */
const TIMEOUT_SECONDS = 3600
const TEST_TIMEOUT_MS = 600_000

/** Those of the namespace tests whose outcome is the kernel's: here it is another one. */
const ALSO_HERE = [
  'agent',
  'fake-kernel-calibration',
  'kernel-suite',
  'netlink-links',
  'netlink-nftables',
  'netlink-routes',
  'sys-netns',
].map(name => `test/netns/${name}.test.ts`)

/** Whole labs, which wait for their processes as on a machine that has nothing else to do. */
const ALONE: ReadonlySet<string> = new Set(['test/guest/demo.test.ts'])

/** A program that tests start. */
const LONE_AGENT = 'test/netns/fixtures/lone-agent'

async function main(named: readonly string[]): Promise<number> {
  const files =
    named.length > 0 ? named : [...globSync('test/guest/**/*.test.ts', { cwd: REPOSITORY }), ...ALSO_HERE]
  const alone = files.filter(file => ALONE.has(file))
  const others = files.filter(file => !ALONE.has(file))
  const status = others.length > 0 ? await runInOneGuest(others, 2) : 0
  return status === 0 && alone.length > 0 ? await runInOneGuest(alone, 1) : status
}

async function runInOneGuest(files: readonly string[], concurrency: number): Promise<number> {
  const cache = join(REPOSITORY, '.cache/guest')
  mkdirSync(cache, { recursive: true })
  // Inside the repository, so that packages are found.
  const output = mkdtempSync(join(cache, 'tests-'))
  // Agents under test run as other users.
  chmodSync(output, 0o755)
  try {
    await bundleEach(REPOSITORY, [...files, `${LONE_AGENT}.ts`], output)
    const bundled = files.map(file => join(output, file.replace(/\.ts$/, '.mjs')))
    const limits = [`--test-concurrency=${concurrency}`, `--test-timeout=${TEST_TIMEOUT_MS}`]
    const command = ['node', '--enable-source-maps', '--test', '--test-reporter=spec', ...limits, ...bundled]
    const environment = new Map([
      ['PODLACE_LONE_AGENT', join(output, `${LONE_AGENT}.mjs`)],
      // As long here as the twenty on the host.
      ['PODLACE_CALIBRATION_LISTS', process.env['PODLACE_CALIBRATION_LISTS'] ?? '5'],
    ])
    return await guestSession(command, { timeoutSeconds: TIMEOUT_SECONDS, environment })
  } finally {
    rmSync(output, { recursive: true, force: true })
  }
}

process.exitCode = await main(process.argv.slice(2))
