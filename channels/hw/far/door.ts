/** Who may ask, and how often: tokens that expire, and the account's quota. */

export interface DoorOptions {
  apps: Map<string, string>;
  now: () => number;
  newToken: () => string;
  /** No token lives longer than this, whatever is asked for. */
  tokenSecondsMax: number;
  /** Requests of one account within any minute, tokens apart; null = no quota. */
  perMinuteMax: () => number | null;
}

const minuteMs = 60_000;

export function openDoor(options: DoorOptions) {
  const { apps, now } = options;
  const tokens = new Map<string, { account: string; until: number }>();
  const lastMinute = new Map<string, number[]>();
  const counts = { issued: 0, overQuota: 0 };

  function prune(): void {
    for (const [token, { until }] of tokens) if (until <= now()) tokens.delete(token);
  }

  return {
    /** The answer of tokenByAkSk; null where the secret is not the app's. */
    token(appKey: string, appSecret: string, expire: string | undefined): Record<string, string> | null {
      if (apps.get(appKey) !== appSecret) return null;
      prune();
      const wanted = Number(expire ?? "600");
      const seconds = Math.min(Number.isFinite(wanted) && wanted > 0 ? wanted : 600, options.tokenSecondsMax);
      const token = options.newToken();
      tokens.set(token, { account: appKey, until: now() + seconds * 1_000 });
      counts.issued += 1;
      return {
        AccessToken: token,
        ApplyType: "Bearer",
        CreateTime: String(Math.floor(now() / 1_000)),
        Expires: String(seconds),
        Scope: "CC",
        AppKey: appKey,
        UserID: "Anonymous",
      };
    },
    /** The account whose token this is, or null. */
    admit(authorization: string | undefined, appKey: string | undefined): string | null {
      const token = /^Bearer (\S+)$/.exec(authorization ?? "")?.[1];
      const known = token === undefined ? undefined : tokens.get(token);
      if (known === undefined || known.until <= now()) return null;
      return appKey === undefined || appKey === known.account ? known.account : null;
    },
    /** Counts the request; false where it is one too many. */
    withinQuota(account: string): boolean {
      const max = options.perMinuteMax();
      if (max === null) return true;
      const times = lastMinute.get(account) ?? [];
      lastMinute.set(account, times);
      while (times.length > 0 && (times[0] ?? 0) <= now() - minuteMs) times.shift();
      times.push(now());
      if (times.length <= max) return true;
      counts.overQuota += 1;
      return false;
    },
    expireTokens: () => tokens.clear(),
    counts,
  };
}
