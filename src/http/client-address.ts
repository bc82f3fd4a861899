import { isAmong, isLiteral, type Network } from "../guard/addresses.ts";

/**
 * Whom a request comes from: the other end of its connection or, where that is a proxy that the operator trusts, whom
 * the proxy says it got it from (`X-Forwarded-For`, read from its end). What is no address is nobody's.
 */
export function clientAddress(peer: string, forwardedFor: string | null, proxies: readonly Network[]): string {
  const hops = forwardedFor?.split(",") ?? [];
  let address = peer;
  while (isAmong(address, proxies)) {
    const hop = hops.pop()?.trim();
    if (hop === undefined) break;
    address = hop;
  }
  return isLiteral(address) ? address : "";
}
