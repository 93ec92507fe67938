/**
 * A TCP stream whose content is known: that it arrives as it left is seen before anybody counts its time.
 *
 *   udp-content.ts serve PORT                  says "listening"; prints length and hash of one connection's bytes
 *   udp-content.ts send ADDRESS PORT BYTES     prints length and hash of what it sent
 */
import { createCipheriv, createHash } from 'node:crypto'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import process from 'node:process'

const summary = (data: Buffer) => `${data.length} ${createHash('sha256').update(data).digest('hex')}`

function serve(port: number): void {
  const server = createServer(socket => {
    const pieces: Buffer[] = []
    socket.on('data', piece => pieces.push(piece))
    socket.on('end', () => process.stdout.write(`${summary(Buffer.concat(pieces))}\n`))
  })
  server.listen(port, () => process.stdout.write('listening\n'))
}

async function send(address: string, port: number, bytes: number): Promise<void> {
  const zeros = Buffer.alloc(16)
  const data = createCipheriv('aes-128-ctr', zeros, zeros).update(Buffer.alloc(bytes))
  const socket = connect(port, address).end(data).resume()
  await once(socket, 'close')
  process.stdout.write(`${summary(data)}\n`)
}

const [what, first, second, third] = process.argv.slice(2)
if (what === 'serve') serve(Number(first))
else await send(String(first), Number(second), Number(third))
