/**
 * A machine with a kernel of its own, emulated by QEMU without the help of this machine's processor. Its root is this
 * machine's, read-only, with memory over it; it runs one command and is gone.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { EndMarkReader } from './end-mark.ts'

export interface Job {
  /** The repository's root; the command runs there. */
  readonly repository: string
  /** What scripts/guest/kernel.sh prints: a folder with `vmlinuz` and `modules`. */
  readonly kernel: string
  readonly command: readonly string[]
  readonly environment: ReadonlyMap<string, string>
  /** Takes what the command prints, standard output and standard error in one. */
  readonly output: (text: Buffer) => void
  /** Ends the machine at once. */
  readonly signal: AbortSignal
}

/** The machine ended without saying what became of the command. The message has the last words of its console. */
export class GuestLost extends Error {
  override readonly name = 'GuestLost'
}

const MEMORY = '1280M'
const CPUS = 2
/** No protection against the guest's own programs is needed, and all of it is slow in emulation. */
const KERNEL_PARAMETERS =
  'rootfstype=virtiofs root=host ro console=ttyS0 quiet panic=-1 mitigations=off nokaslr tsc=reliable random.trust_cpu=on'

/** Runs the command; resolves with its exit status. Rejects with GuestLost, or with the signal's reason. */
export async function runInGuest(job: Job): Promise<number> {
  const directory = mkdtempSync(join(tmpdir(), 'podlace-guest-'))
  const processes: ChildProcess[] = []
  const words: Buffer[] = []
  const begun = (...command: string[]): ChildProcess => {
    const child = start(command)
    processes.push(child)
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (text: Buffer) => words.push(text))
    return child
  }
  try {
    writeInstructions(directory, job)
    const files = begun('unshare', '--mount', join(import.meta.dirname, 'files.sh'), directory)
    await untilThere(join(directory, 'files.sock'), files, job.signal)
    const exitCode = await followed(begun(...emulatorCommand(directory, job.kernel)), job)
    if (exitCode === undefined) throw new GuestLost('the guest ended before its command did')
    return exitCode
  } catch (error) {
    if (error instanceof GuestLost) error.message += `; its console said:\n${lastWords(words)}`
    throw error
  } finally {
    for (const process of processes) await killed(process)
    rmSync(directory, { recursive: true, force: true })
  }
}

/** What init.sh reads. It lies in the private folder too: no path of the repository is on the kernel's command line. */
function writeInstructions(directory: string, job: Job): void {
  const settings = [`repository=${quoted(job.repository)}`, `modules=${quoted(join(job.kernel, 'modules'))}`]
  const exports = [...job.environment].map(([name, value]) => `export ${name}=${quoted(value)}`)
  const command = [...exports, `cd ${quoted(job.repository)}`, `exec ${job.command.map(quoted).join(' ')}`]
  writeFileSync(join(directory, 'settings.sh'), `${settings.join('\n')}\n`)
  writeFileSync(join(directory, 'command.sh'), `${command.join('\n')}\n`)
  copyFileSync(join(import.meta.dirname, 'init.sh'), join(directory, 'init.sh'))
}

/** As one word of a shell, whatever is in it. */
const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`

/** KVM is not tried: that /dev/kvm is there does not mean that a kernel boots with it. */
function emulatorCommand(directory: string, kernel: string): string[] {
  const words = [
    'qemu-system-x86_64 -nodefaults -no-user-config -display none -no-reboot',
    '-machine q35,memory-backend=memory -accel tcg,thread=multi,tb-size=256 -cpu Nehalem',
    `-smp ${CPUS} -m ${MEMORY} -object memory-backend-memfd,id=memory,size=${MEMORY},share=on`,
    `-serial stdio -chardev socket,id=files,path=${directory}/files.sock`,
    '-device vhost-user-fs-pci,chardev=files,tag=host,queue-size=1024',
    // A network card for tests; there is nothing at its other end.
    '-netdev hubport,id=nowhere,hubid=0 -device virtio-net-pci,netdev=nowhere,romfile=',
    '-chardev socket,id=output,fd=3 -device virtio-serial-pci -device virtserialport,chardev=output',
  ]
  const parameters = `${KERNEL_PARAMETERS} init=${directory}/init.sh`
  return [...words.join(' ').split(' '), '-kernel', join(kernel, 'vmlinuz'), '-append', parameters]
}

/** Descriptor 3 is a stream both ways. The child dies with this process, however that ends. */
function start(command: readonly string[]): ChildProcess {
  return spawn('setpriv', ['--pdeathsig', 'KILL', ...command], { stdio: ['ignore', 'pipe', 'pipe', 'pipe'] })
}

async function untilThere(path: string, maker: ChildProcess, signal: AbortSignal): Promise<void> {
  while (!existsSync(path)) {
    if (maker.exitCode !== null) throw new GuestLost(`the file server ended with status ${maker.exitCode}`)
    await sleep(20, undefined, { signal })
  }
}

/** Passes on what the command prints, until the machine is off; undefined if it was off too early. */
async function followed(emulator: ChildProcess, job: Job): Promise<number | undefined> {
  const reader = new EndMarkReader()
  let exitCode: number | undefined
  const port = emulator.stdio[3] as Duplex
  port.on('error', () => {}) // the machine went, which its exit tells too
  port.on('data', (chunk: Buffer) => {
    if (exitCode !== undefined) return
    const piece = reader.read(chunk)
    job.output(piece.text)
    exitCode = piece.exitCode
    if (exitCode !== undefined) port.write('read\n')
  })
  await once(emulator, 'close', { signal: job.signal })
  return exitCode
}

function lastWords(words: readonly Buffer[]): string {
  const printable = Buffer.concat(words)
    .toString('latin1')
    .replace(/[^\n\x20-\x7e]/g, '')
  return printable.split('\n').slice(-60).join('\n').trim() || '(nothing)'
}

async function killed(process: ChildProcess): Promise<void> {
  if (process.exitCode !== null || process.signalCode !== null || process.pid === undefined) return
  process.kill('SIGKILL')
  await once(process, 'exit')
}
