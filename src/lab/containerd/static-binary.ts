/** Program header of a program's interpreter, the dynamic linker: elf(5). */
const PT_INTERP = 3

/** True for a 64-bit little-endian ELF program that needs no dynamic linker, and so no other file. */
export function isStatic(program: Buffer): boolean {
  if (program.length < 64 || !program.subarray(0, 6).equals(Buffer.from('\x7fELF\x02\x01', 'latin1')))
    return false
  const offset = Number(program.readBigUInt64LE(32))
  const size = program.readUInt16LE(54)
  const headers = Array.from({ length: program.readUInt16LE(56) }, (_, index) => offset + index * size)
  return headers.every(at => at + 4 <= program.length && program.readUInt32LE(at) !== PT_INTERP)
}
