/** The few rtnetlink requests that tests of the sys room need, by hand: it lies below the netlink room. */

const RTM_NEWLINK = 16
const RTM_GETLINK = 18
const NLM_F_REQUEST = 1
const NLM_F_ACK = 4
const NLM_F_DUMP = 0x300
const IFF_UP = 1

/** struct nlmsghdr and struct ifinfomsg, 32 bytes (linux/netlink.h, linux/rtnetlink.h). */
function linkMessage(type: number, flags: number, index: number, linkFlags = 0, change = 0): Uint8Array {
  const message = Buffer.alloc(32)
  message.writeUInt32LE(32, 0)
  message.writeUInt16LE(type, 4)
  message.writeUInt16LE(flags | NLM_F_REQUEST, 6)
  message.writeInt32LE(index, 20)
  message.writeUInt32LE(linkFlags, 24)
  message.writeUInt32LE(change, 28)
  return message
}

/** `ip link` */
export const dumpLinks = () => linkMessage(RTM_GETLINK, NLM_F_DUMP, 0)

/** `ip link show <index>` */
export const getLink = (index: number) => linkMessage(RTM_GETLINK, 0, index)

/** `ip link set <index> up|down` */
export const setUp = (index: number, up: boolean) =>
  linkMessage(RTM_NEWLINK, NLM_F_ACK, index, up ? IFF_UP : 0, IFF_UP)
