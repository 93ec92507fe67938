import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  readAddress,
  readAddresses,
  readClasslessRoutes,
  readDomain,
  readDomainSearch,
  readNumber,
  readPrefixLength,
  readStaticRoutes,
  readText,
} from './dhcp-values.ts'

const mask = (...bytes: number[]) => readPrefixLength(Uint8Array.from(bytes))
const latin = (text: string) => Buffer.from(text, 'latin1')

describe('values of DHCP options', () => {
  it('are numbers and addresses of four bytes', () => {
    assert.equal(readNumber(Uint8Array.of(0xff, 0xff, 0xff, 0xff)), 0xffffffff)
    assert.equal(readNumber(Uint8Array.of(1, 2, 3)), undefined)
    assert.equal(readAddress(Uint8Array.of(10, 0, 0, 1)), '10.0.0.1')
    assert.equal(readAddress(undefined), undefined)
    assert.deepEqual(readAddresses(Uint8Array.of(10, 0, 0, 1, 10, 0, 0, 2)), ['10.0.0.1', '10.0.0.2'])
    assert.equal(readAddresses(Uint8Array.of(10, 0, 0, 1, 10)), undefined)
    assert.equal(readAddresses(new Uint8Array()), undefined)
    assert.equal(readAddresses(new Uint8Array(129 * 4)), undefined)
  })

  it('are masks without holes', () => {
    assert.deepEqual(
      [mask(255, 255, 255, 255), mask(255, 255, 254, 0), mask(128, 0, 0, 0), mask(0, 0, 0, 0)],
      [32, 23, 1, 0],
    )
    assert.deepEqual([mask(255, 0, 255, 0), mask(0, 0, 0, 1), mask(255, 255, 255)], Array(3).fill(undefined))
  })

  it('are texts of one printable line', () => {
    assert.equal(readText(latin('no address\0\0')), 'no address')
    for (const bad of ['', 'a\nb', '\x7f', 'a\0b']) assert.equal(readText(latin(bad)), undefined, bad)
    assert.equal(readDomain(latin('pods.example.')), 'pods.example')
    for (const bad of ['a b', 'x\nnameserver 6.6.6.6', '-a', 'a..b', 'a'.repeat(64)])
      assert.equal(readDomain(latin(bad)), undefined, bad)
  })

  it('are routes of the old classes, or to a host', () => {
    const routes = Uint8Array.of(
      10,
      0,
      0,
      0,
      1,
      1,
      1,
      1,
      172,
      16,
      0,
      0,
      1,
      1,
      1,
      2,
      192,
      168,
      7,
      9,
      1,
      1,
      1,
      3,
    )
    assert.deepEqual(readStaticRoutes(routes), [
      { target: '10.0.0.0/8', gateway: '1.1.1.1' },
      { target: '172.16.0.0/16', gateway: '1.1.1.2' },
      { target: '192.168.7.9/32', gateway: '1.1.1.3' },
    ])
    assert.equal(readStaticRoutes(Uint8Array.of(0, 0, 0, 0, 1, 1, 1, 1)), undefined)
    assert.equal(readStaticRoutes(routes.subarray(0, 12)), undefined)
  })

  it('are routes without classes, the example of RFC 3442 among them', () => {
    const routes = Uint8Array.of(0, 10, 0, 0, 1, 25, 10, 17, 0, 255, 10, 0, 0, 2, 32, 1, 2, 3, 4, 0, 0, 0, 0)
    assert.deepEqual(readClasslessRoutes(routes), [
      { target: '0.0.0.0/0', gateway: '10.0.0.1' },
      { target: '10.17.0.128/25', gateway: '10.0.0.2' },
      { target: '1.2.3.4/32' },
    ])
    for (const bad of [[], [33, 1, 2, 3, 4, 5, 1, 1, 1, 1], [24, 10, 0, 0, 1, 1, 1]])
      assert.equal(readClasslessRoutes(Uint8Array.from(bad)), undefined)
    const flood = new Uint8Array(129 * 5)
    assert.equal(readClasslessRoutes(flood), undefined)
  })

  it('are names as RFC 3397 writes them', () => {
    const example = latin('\x03eng\x05apple\x03com\0\x09marketing\xc0\x04')
    assert.deepEqual(readDomainSearch(example), ['eng.apple.com', 'marketing.apple.com'])
  })

  it('are no names if pointers lead on, round, or nowhere', () => {
    const bad = [
      '\xc0\0',
      '\x01a\xc0\0',
      '\x01a\xc0\x02',
      '\x01a\0\xc0\x03',
      '\xc0',
      '\x01a',
      '\x40a\0',
      '\0',
    ]
    for (const text of [...bad, '\x01\n\0', '\x01a\0\x01b\xc0\x07'])
      assert.equal(readDomainSearch(latin(text)), undefined, JSON.stringify(text))
  })
})
