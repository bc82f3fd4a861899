import { and, eq, isNull } from "drizzle-orm";
import { apiKeys } from "../../db/schema/index.ts";
import type { Context } from "../context.ts";
import { hashOfKey, keyPattern, knownScopes } from "./keys.ts";
import type { Principal } from "./principal.ts";

export interface Authenticator {
  /** From an `Authorization` header to who asks; null for everything that is not one of our valid keys. */
  principal(header: string | undefined): Promise<Principal | null>;
  /** To be called after a key was revoked in this process; other instances see it within `freshMs`. */
  forget(): void;
}

const freshMs = 2_000;
const cachedMax = 10_000;

interface Known {
  at: number;
  principal: Promise<Principal | null>;
}

/** Keys are remembered by their hash for a short time, and concurrent requests with one key ask the database once. */
export function createAuthenticator(ctx: Context): Authenticator {
  const known = new Map<string, Known>();

  async function load(hash: string): Promise<Principal | null> {
    const [key] = await ctx.db.run((q) =>
      q
        .select({ tenant: apiKeys.tenant, id: apiKeys.id, scopes: apiKeys.scopes })
        .from(apiKeys)
        .where(and(eq(apiKeys.hash, hash), isNull(apiKeys.revoked))),
    );
    return key === undefined ? null : { tenant: key.tenant, keyId: key.id, scopes: knownScopes(key.scopes) };
  }

  function remember(hash: string): Promise<Principal | null> {
    const entry: Known = { at: ctx.clock.now().getTime(), principal: load(hash) };
    const drop = (): void => {
      if (known.get(hash) === entry) known.delete(hash);
    };
    known.delete(hash);
    if (known.size >= cachedMax) known.delete(known.keys().next().value ?? "");
    known.set(hash, entry);
    // Wrong keys are not remembered: guesses must not push the good ones out.
    entry.principal.then((principal) => principal ?? drop(), drop);
    return entry.principal;
  }

  return {
    async principal(header) {
      const key = /^Bearer +(\S+) *$/i.exec(header ?? "")?.[1];
      if (key === undefined || !keyPattern.test(key)) return null;
      const hash = hashOfKey(key);
      const entry = known.get(hash);
      const fresh = entry !== undefined && ctx.clock.now().getTime() - entry.at < freshMs;
      return fresh ? entry.principal : remember(hash);
    },
    forget: () => known.clear(),
  };
}
