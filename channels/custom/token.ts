/** A token that has to be fetched first: kept for most of its life, renewed once for all who wait. */
import { ChannelError, type ChannelTools } from "../contract.ts";
import { send } from "../kit/http.ts";
import type { CustomConfig } from "./config.ts";
import { textAt } from "./document.ts";
import { writeRequest } from "./request.ts";
import { openTimes } from "./time.ts";
import { lineValues } from "./values.ts";
import { judge } from "./wire.ts";

export interface Tokens {
  /** No request that uses the token has left where this throws, so its errors have no effect. */
  current(signal: AbortSignal): Promise<string>;
  /** The provider does not accept this one any more. */
  drop(token: string): void;
  close(): void;
}

/** Renewed with this share of its life behind it. */
const usedShare = 0.8;

export function openTokens(config: CustomConfig, tools: ChannelTools): Tokens | null {
  const { token: described } = config;
  if (described === undefined) return null;
  const times = openTimes(config.times);
  const closed = new AbortController();
  let kept: { token: string; renewAt: number } | null = null;
  let renewal: Promise<string> | null = null;

  /** On nobody's signal: whoever gives up waiting must not take the token from the others. */
  async function renew(from: NonNullable<typeof described>): Promise<string> {
    const { request, answer } = from;
    const askedAt = tools.now().getTime();
    const host = { ...config, baseUrl: from.baseUrl ?? config.baseUrl };
    const written = writeRequest(host, request, lineValues(config, tools, null));
    const { status, body } = await send(tools.fetch, written, closed.signal);
    const document = judge(answer, config.refusals, status, body);
    const token = textAt(document, from.token);
    if (token === null) throw new ChannelError({ kind: "garbled", effect: "none", cause: "server", code: "no-token" });
    const expires = times.read(textAt(document, from.expires) ?? "");
    const lifeMs = expires === null ? from.lifetimeSeconds * 1_000 : expires.getTime() - askedAt;
    kept = { token, renewAt: askedAt + lifeMs * usedShare };
    return token;
  }

  return {
    async current(signal) {
      if (signal.aborted) throw timedOut();
      if (kept !== null && tools.now().getTime() < kept.renewAt) return kept.token;
      renewal ??= renew(described)
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

function timedOut(): ChannelError {
  return new ChannelError({ kind: "timeout", effect: "none", cause: "network", code: "aborted" });
}

function withoutEffect(error: unknown): unknown {
  if (!(error instanceof ChannelError)) return error;
  const { kind, cause, code } = error;
  return new ChannelError({ kind, cause, code, effect: "none" });
}
