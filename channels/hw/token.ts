/** The account's access token: kept until shortly before it expires, renewed once for all who wait. */
import { z } from "zod";
import { ChannelError, type ChannelTools } from "../contract.ts";
import { type Answer, send } from "../kit/http.ts";
import { addressesOf, type HwConfig } from "./config.ts";

/** Asked for; the vendor's greatest is 3,600. */
export const tokenLifeSeconds = 600;
/** Renewed this much before the end, or at four fifths of a shorter life. */
const marginMs = 60_000;

const tokenAnswer = z.object({
  AccessToken: z.string().min(1).max(4_096),
  Expires: z.coerce.number().positive().max(86_400),
});

export interface Tokens {
  /** No request that uses the token has left where this throws, so its errors have no effect. */
  current(signal: AbortSignal): Promise<string>;
  /** The provider does not accept this one any more. */
  drop(token: string): void;
  close(): void;
}

export function openTokens(config: HwConfig, tools: ChannelTools): Tokens {
  const url = `${addressesOf(config).token}/apigovernance/api/oauth/tokenByAkSk`;
  const closed = new AbortController();
  let kept: { token: string; renewAt: number } | null = null;
  let renewal: Promise<string> | null = null;

  /** On nobody's signal: whoever gives up waiting must not take the token from the others. */
  async function renew(): Promise<string> {
    const askedAt = tools.now().getTime();
    const headers = { "content-type": "application/json", "x-token-expire": String(tokenLifeSeconds) };
    const body = JSON.stringify({ app_key: config.appKey, app_secret: config.appSecret });
    const answer = await send(tools.fetch, { method: "POST", url, headers, body }, closed.signal);
    const { AccessToken, Expires } = read(answer);
    const lifeMs = Expires * 1_000;
    kept = { token: AccessToken, renewAt: askedAt + Math.max(lifeMs - marginMs, lifeMs * 0.8) };
    return AccessToken;
  }

  return {
    async current(signal) {
      if (signal.aborted) throw timedOut();
      if (kept !== null && tools.now().getTime() < kept.renewAt) return kept.token;
      renewal ??= renew()
        .catch((error: unknown) => {
          throw withoutEffect(error);
        })
        .finally(() => {
          renewal = null;
        });
      return waitFor(renewal, signal);
    },
    drop(token) {
      if (kept?.token === token) kept = null;
    },
    close: () => closed.abort(),
  };
}

function waitFor(renewal: Promise<string>, signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(timedOut());
    signal.addEventListener("abort", abort, { once: true });
    renewal.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}

/** How a wrong secret is answered is not documented: whatever is of the provider's form and holds no token says no. */
function read(answer: Answer): z.output<typeof tokenAnswer> {
  const code = `http-${answer.status}`;
  if (answer.status === 429) throw new ChannelError({ kind: "limited", effect: "none", cause: "rate", code });
  if ([400, 401, 403].includes(answer.status)) throw unauthorized(code);
  const parsed = parse(answer.text());
  if (answer.status !== 200 || parsed === null) {
    throw new ChannelError({ kind: "garbled", effect: "none", cause: "server", code });
  }
  const formed = tokenAnswer.safeParse(parsed);
  if (!formed.success) throw unauthorized("no-token");
  return formed.data;
}

function parse(text: string): object | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" ? value : null;
  } catch {
    return null;
  }
}

function unauthorized(code: string): ChannelError {
  return new ChannelError({ kind: "unauthorized", effect: "none", cause: "credentials", code });
}

function timedOut(): ChannelError {
  return new ChannelError({ kind: "timeout", effect: "none", cause: "network", code: "aborted" });
}

function withoutEffect(error: unknown): unknown {
  if (!(error instanceof ChannelError)) return error;
  const { kind, cause, code } = error;
  return new ChannelError({ kind, cause, code, effect: "none" });
}
