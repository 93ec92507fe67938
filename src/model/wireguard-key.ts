/** The bytes of a WireGuard key, public, private or preshared; undefined if the text is not 32 bytes in base64. */
export function parseWireguardKey(text: string): Uint8Array | undefined {
  const bytes = Buffer.from(text, 'base64')
  return bytes.length === 32 && bytes.toString('base64') === text ? bytes : undefined
}
