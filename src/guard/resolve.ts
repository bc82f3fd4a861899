import { lookup } from "node:dns/promises";
import type { Clock } from "../clock.ts";
import { mayReach, type Network } from "./addresses.ts";
import { GuardError } from "./error.ts";
import type { Target } from "./url.ts";

/** All addresses of a name. Throws what node's resolver throws. */
export type Resolve = (host: string) => Promise<readonly string[]>;

export const systemResolve: Resolve = async (host) => {
  const found = await lookup(host, { all: true, verbatim: true });
  return found.map(({ address }) => address);
};

/** Short enough that a moved endpoint is found soon, long enough that a burst asks once. */
const keptMs = 10_000;
const keptMax = 5_000;

/** Resolves and checks: what it returns may be connected to, and nothing else is. */
export function createChecker(clock: Clock, resolve: Resolve, allowed: readonly Network[]) {
  const known = new Map<string, { at: number; addresses: Promise<readonly string[]> }>();

  async function ask(host: string): Promise<readonly string[]> {
    let addresses: readonly string[];
    try {
      addresses = await resolve(host);
    } catch (error) {
      const code = error instanceof Error && "code" in error ? String(error.code) : "";
      if (code === "ENOTFOUND" || code === "ENODATA") throw new GuardError("refused", "unknown_name");
      throw new GuardError("unresolved", /^\w{1,32}$/.test(code) ? code : null);
    }
    if (addresses.length === 0) throw new GuardError("refused", "unknown_name");
    // One bad address among good ones is an attack or a mistake; either way none of them is used.
    if (!addresses.every((address) => mayReach(address, allowed))) throw new GuardError("refused", "not_public");
    return addresses;
  }

  return {
    /** The addresses of a target, each of them checked. */
    addressesOf(target: Target): Promise<readonly string[]> | readonly string[] {
      if (target.literal) return [target.host];
      const now = clock.now().getTime();
      const entry = known.get(target.host);
      if (entry !== undefined && now - entry.at < keptMs) return entry.addresses;
      const fresh = { at: now, addresses: ask(target.host) };
      known.delete(target.host);
      if (known.size >= keptMax) known.delete(known.keys().next().value ?? "");
      known.set(target.host, fresh);
      fresh.addresses.catch(() => {
        if (known.get(target.host) === fresh) known.delete(target.host);
      });
      return fresh.addresses;
    },
  };
}
