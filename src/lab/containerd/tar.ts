/** A member of an archive, its path relative to the archive's root. */
export type TarMember =
  | { readonly path: string; readonly type: 'directory'; readonly mode: number }
  | { readonly path: string; readonly type: 'file'; readonly mode: number; readonly content: Uint8Array }
  | { readonly path: string; readonly type: 'symlink'; readonly target: string }

const BLOCK = 512
const TYPE_FLAG = { file: '0', symlink: '2', directory: '5' } as const

/** Packs members into a tar archive (POSIX.1-1988 `ustar`), all owned by root and as old as the epoch. */
export function packTar(members: readonly TarMember[]): Buffer {
  return Buffer.concat([...members.flatMap(memberBlocks), Buffer.alloc(2 * BLOCK)])
}

function memberBlocks(member: TarMember): Uint8Array[] {
  if (member.type !== 'file') return [header(member, 0)]
  const padding = Buffer.alloc((BLOCK - (member.content.length % BLOCK)) % BLOCK)
  return [header(member, member.content.length), member.content, padding]
}

function header(member: TarMember, size: number): Buffer {
  const block = Buffer.alloc(BLOCK)
  writeText(block, member.path, 0, 100)
  writeOctal(block, member.type === 'symlink' ? 0o777 : member.mode, 100, 8)
  for (const at of [108, 116]) writeOctal(block, 0, at, 8) // uid, gid
  writeOctal(block, size, 124, 12)
  writeOctal(block, 0, 136, 12) // modification time
  block.fill(' ', 148, 156) // the checksum is made over blanks
  block.write(TYPE_FLAG[member.type], 156)
  if (member.type === 'symlink') writeText(block, member.target, 157, 100)
  block.write('ustar\x0000', 257)
  const sum = block.reduce((total, byte) => total + byte, 0)
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return block
}

function writeText(block: Buffer, text: string, at: number, space: number): void {
  if (Buffer.byteLength(text) > space) throw new RangeError(`${text} is too long for a tar header`)
  block.write(text, at)
}

function writeOctal(block: Buffer, value: number, at: number, space: number): void {
  block.write(`${value.toString(8).padStart(space - 1, '0')}\0`, at)
}
