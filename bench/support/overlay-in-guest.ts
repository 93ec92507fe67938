/** Rows of backends whose modules this machine's kernel may lack: on a kernel of their own, which is emulated. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { bundleEach } from '../../scripts/guest/bundle.ts'
import { runInGuest } from '../../scripts/guest/machine.ts'
import { guestEnvironment, guestKernel, REPOSITORY } from '../../scripts/guest/session.ts'
import type { Row } from '../stats.ts'
import type { BenchContext } from './bench.ts'
import { HOST_WORKER, HOST_WORKER_VARIABLE } from './fake-host.ts'
import { buildProgram, CACHE } from './programs.ts'

const PROGRAM = 'bench/support/overlay-emulated.ts'

/** A guest that hangs must not stay for ever. */
const LIMIT_MS = 3_600_000

/** Needs QEMU; the first time also Debian's packages of a kernel. */
export async function measureInGuest({ note, quick, signal }: BenchContext): Promise<readonly Row[]> {
  // What is compiled there is gone with the guest, and slow.
  buildProgram('spawn-timer')
  mkdirSync(CACHE, { recursive: true })
  // Inside the repository, so that packages are found.
  const output = mkdtempSync(join(CACHE, 'bench-guest-'))
  const bundled = (source: string) => join(output, source.replace(/\.ts$/, '.mjs'))
  note('  in the guest, which is slow')
  const lines = new Lines(note)
  try {
    await bundleEach(REPOSITORY, [PROGRAM, HOST_WORKER], output)
    const status = await runInGuest({
      repository: REPOSITORY,
      kernel: guestKernel(),
      command: ['node', '--enable-source-maps', bundled(PROGRAM), ...(quick ? ['--quick'] : [])],
      environment: new Map([...guestEnvironment(), [HOST_WORKER_VARIABLE, bundled(HOST_WORKER)]]),
      output: text => lines.add(text.toString()),
      signal: AbortSignal.any([signal, AbortSignal.timeout(LIMIT_MS)]),
    })
    const last = lines.end()
    if (status !== 0) throw new Error(`the benchmark in the guest ended with status ${status}: ${last}`)
    return JSON.parse(last) as Row[]
  } finally {
    rmSync(output, { recursive: true, force: true })
  }
}

/** Passes lines on, but for the last one. */
class Lines {
  private readonly pass: (line: string) => void
  private rest = ''

  constructor(pass: (line: string) => void) {
    this.pass = pass
  }

  add(text: string): void {
    const lines = (this.rest + text).split('\n')
    // The last one may be followed by nothing but its end.
    this.rest = lines.splice(lines.at(-1) === '' ? -2 : -1).join('\n')
    lines.forEach(this.pass)
  }

  end(): string {
    return this.rest.trimEnd()
  }
}
