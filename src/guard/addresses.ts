/** Which addresses may be reached: public unicast ones, and networks that the operator names. */
import ipaddr from "ipaddr.js";

type Address = ipaddr.IPv4 | ipaddr.IPv6;
/** An address and how many of its first bits count. */
export type Network = readonly [Address, number];

/** What ipaddr.js counts as unicast, or has no name for, and is no public host all the same. */
const specialNetworks = [
  // IETF protocol assignments: 6a44, NAT64 discovery, ORCHID, benchmarking, Teredo, port control.
  "192.0.0.0/24",
  "192.31.196.0/24",
  "192.52.193.0/24",
  "192.88.99.0/24",
  "192.175.48.0/24",
  "198.18.0.0/15",
  "2001::/23",
  // Documentation.
  "192.0.2.0/24",
  "198.51.100.0/24",
  "203.0.113.0/24",
  "2001:db8::/32",
  "3fff::/20",
  // 6to4 and AS112.
  "2002::/16",
  "2620:4f:8000::/48",
].map(readNetwork);
const publicSix = readNetwork("2000::/3");

/** `10.0.0.0/8`, `fd00::/8`; an address alone is a network of one. Throws where it is neither. */
export function readNetwork(text: string): Network {
  const trimmed = text.trim();
  if (trimmed.includes("/")) {
    const [address, bits] = ipaddr.parseCIDR(trimmed);
    return [address, bits];
  }
  // Octal and short forms mean different hosts to different readers.
  if (!isLiteral(trimmed)) throw new Error("not an address");
  const address = ipaddr.parse(trimmed);
  return [address, address.kind() === "ipv4" ? 32 : 128];
}

/** True for the one usual form of an address; `0177.1`, `2130706433` and the like are none. */
export function isLiteral(host: string): boolean {
  return ipaddr.IPv4.isValidFourPartDecimal(host) || ipaddr.IPv6.isValid(host);
}

/** Whether packets may go to this address. Anything that cannot be read is refused. */
export function mayReach(text: string, allowed: readonly Network[]): boolean {
  if (!isLiteral(text)) return false;
  const address = ipaddr.parse(text);
  return allowed.some((network) => within(address, network)) || isPublic(address);
}

/** Whether an address is of one of these networks; one of IPv4 that is written as one of IPv6 counts as what it is. */
export function isAmong(text: string, networks: readonly Network[]): boolean {
  if (networks.length === 0 || !isLiteral(text)) return false;
  const address = ipaddr.process(text);
  return networks.some((network) => within(address, network));
}

function isPublic(address: Address): boolean {
  if (address.range() !== "unicast" || specialNetworks.some((network) => within(address, network))) return false;
  if (address.kind() === "ipv4") return true;
  // ISATAP carries an IPv4 address behind ::0:5efe or ::200:5efe, under whatever prefix.
  const [, , , , high, low] = (address as ipaddr.IPv6).parts;
  const isatap = low === 0x5efe && (high === 0 || high === 0x200);
  return within(address, publicSix) && !isatap;
}

function within(address: Address, [network, bits]: Network): boolean {
  return address.kind() === network.kind() && address.match(network, bits);
}
