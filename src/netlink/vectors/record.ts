import { execFileSync, spawnSync } from 'node:child_process'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { vectorGroups } from './commands.ts'

/**
 * Records the vectors: `node src/netlink/vectors/record.ts` as root, with iproute2, nftables and strace installed.
 * Every group runs in a network namespace of its own that is gone afterwards.
 */

const trace = join(tmpdir(), `podlace-vector-trace-${process.pid}`)

/** The bytes of every datagram that the command sent. */
function record(command: string): Uint8Array[] {
  const strace = ['-f', '-o', trace, '-e', 'trace=sendmsg,sendto', '-e', 'write=all', '-s', '0']
  const run = spawnSync('strace', [...strace, 'sh', '-c', command], { encoding: 'utf8' })
  if (run.status !== 0) process.stderr.write(`${command}: ${run.stderr}\n`)
  const sent: number[][] = []
  for (const line of readFileSync(trace, 'utf8').split('\n')) {
    if (/(sendmsg|sendto)\(/.test(line)) sent.push([])
    const dump = /^ \| [0-9a-f]+ {2}([0-9a-f ]{48,49})/.exec(line)?.[1]
    if (dump !== undefined)
      sent.at(-1)?.push(
        ...dump
          .trim()
          .split(/ +/)
          .map(byte => Number.parseInt(byte, 16)),
      )
  }
  return sent.map(bytes => Uint8Array.from(bytes))
}

/** The messages that change something: no GET, no batch borders, not the probe that `ip` sends first. */
function changes(datagram: Uint8Array, isChange: (message: Buffer) => boolean): string[] {
  const found: string[] = []
  const bytes = Buffer.from(datagram)
  for (let at = 0; at + 16 <= bytes.length; ) {
    const length = bytes.readUInt32LE(at)
    const message = bytes.subarray(at, at + length)
    if (isChange(message)) found.push(message.toString('hex'))
    at += Math.max(16, (length + 3) & ~3)
  }
  return found
}

const NFT_GET = new Set([1, 4, 7, 10, 13, 16, 19, 21, 23])

function changesRuleset(message: Buffer): boolean {
  const type = message.readUInt16LE(4)
  return type >> 8 === 10 && !NFT_GET.has(type & 0xff)
}

/** The only request to change something besides NEW and DEL. */
const RTM_SETLINK = 19

function changesRouting(message: Buffer): boolean {
  const type = message.readUInt16LE(4)
  const isChange = (type & 3) < 2 || type === RTM_SETLINK
  return isChange && message.subarray(16).some(byte => byte !== 0)
}

const GENL_ID_CTRL = 0x10

/** The look-up of its family, which comes first, is a group of its own; `wg` asks rtnetlink things too. */
function concernsWireguard(message: Buffer): boolean {
  const version = message[17]
  return message.readUInt16LE(4) > GENL_ID_CTRL && version === 1
}

function isChangeOf(group: string): (message: Buffer) => boolean {
  if (group === 'generic') return () => true
  if (group === 'wireguard') return concernsWireguard
  return isNftables(group) ? changesRuleset : changesRouting
}

function recordGroup(name: string): void {
  const group = vectorGroups.find(candidate => candidate.name === name)
  if (group === undefined) throw new Error(`no group ${name}`)
  for (const command of group.setup) execFileSync('sh', ['-c', command])
  const isChange = isChangeOf(name)
  const lines = group.commands.flatMap(command => {
    const sent = record(shell(command)).flatMap(datagram => changes(datagram, isChange))
    return [`$ ${command}`, ...sent]
  })
  const text = `# Recorded with strace from ${version(name)}; made by record.ts, do not edit.\n${lines.join('\n')}\n`
  writeFileSync(join(import.meta.dirname, `${name}.hex`), text)
}

/** nft gets its command as one argument, so that braces and stars stay what they are. */
function shell(command: string): string {
  return command.startsWith('nft ') ? `nft '${command.slice(4)}'` : command
}

function isNftables(name: string): boolean {
  return name.startsWith('nftables')
}

function version(name: string): string {
  if (name === 'wireguard')
    return execFileSync('wg', ['--version'], { encoding: 'utf8' }).replace(/ - .*\n/, '')
  const [tool, flag] = isNftables(name) ? ['nft', '--version'] : ['ip', '-V']
  return execFileSync(tool, [flag], { encoding: 'utf8' }).trim()
}

const [only] = process.argv.slice(2)
if (only === undefined) {
  for (const { name } of vectorGroups) {
    execFileSync('unshare', ['-n', process.execPath, import.meta.filename, name], { stdio: 'inherit' })
  }
} else {
  recordGroup(only)
  rmSync(trace, { force: true })
}
