/** The end of the range of all keys that begin so: the first key after them (`etcdserverpb.RangeRequest.range_end`). */
export function prefixEnd(prefix: string): string {
  const last = prefix.length - 1
  // Our prefixes end in ASCII, whose characters are their bytes.
  return prefix.slice(0, last) + String.fromCharCode(prefix.charCodeAt(last) + 1)
}
