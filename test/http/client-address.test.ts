import { expect, test } from "bun:test";
import { readNetwork } from "../../src/guard/addresses.ts";
import { clientAddress } from "../../src/http/client-address.ts";

const proxies = ["10.0.0.0/8", "fd00::/8"].map(readNetwork);

test("nobody's word is taken but a trusted proxy's, and of a chain the last that is not one of them", () => {
  const cases: [peer: string, forwardedFor: string | null, address: string][] = [
    ["192.0.2.1", null, "192.0.2.1"],
    ["192.0.2.1", "198.51.100.7", "192.0.2.1"],
    ["10.0.0.1", null, "10.0.0.1"],
    ["10.0.0.1", "198.51.100.7", "198.51.100.7"],
    ["10.0.0.1", "203.0.113.9, 198.51.100.7", "198.51.100.7"],
    ["10.0.0.1", "203.0.113.9, 198.51.100.7, 10.0.0.2", "198.51.100.7"],
    ["fd00::1", "2001:db8::7", "2001:db8::7"],
    ["::ffff:10.0.0.1", "198.51.100.7", "198.51.100.7"],
    ["10.0.0.1", "198.51.100.7, unknown", ""],
    ["10.0.0.1", "198.51.100.7:443", ""],
    ["10.0.0.1", "", ""],
    ["", "198.51.100.7", ""],
  ];
  for (const [peer, said, address] of cases)
    expect([peer, said, clientAddress(peer, said, proxies)]).toEqual([peer, said, address]);
  expect(clientAddress("10.0.0.1", "198.51.100.7", [])).toBe("10.0.0.1");
});
