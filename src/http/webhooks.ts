import type { Context as HonoContext } from "hono";
import type { RawRequest, Reply } from "../../channels/contract.ts";
import type { CallContext } from "../calls/context.ts";
import type { Clock } from "../clock.ts";
import { Refusal } from "../domain/refusal.ts";
import type { Accept } from "../inbox/accept.ts";
import { receiveNamed } from "./fixed-path.ts";
import { type App, type AppEnv, bodyLimit } from "./route.ts";
import { gotIt, take } from "./take-push.ts";

export const pushBytesMax = 1024 * 1024;
/** Where a line's pushes are sent: the token names its account. */
export const tokenedRoute = "/api/v1/calls/webhook/:channel/:token{wh_[A-Za-z0-9]+}/:kind?";
export const kindMax = 32;

/** Pushes to a tenant's addresses that could not prove where they came from: how many, and the last ones. */
export interface Refused {
  count: number;
  last: { at: string; address: string; channel: string; reason: string }[];
}

/** Held in memory only. Of what reached no tenant's address nobody is told more than how often. */
export interface RefusalLog {
  unaddressed(): number;
  of(tenant: string): Refused;
  add(tenant: string | null, entry: { address: string; channel: string; reason: string }): void;
}

const refusalsKept = 20;
const tenantsKept = 1_000;

export function createRefusalLog(clock: Clock, told?: (channel: string, reason: string) => void): RefusalLog {
  const byTenant = new Map<string, Refused>();
  const of = (tenant: string): Refused => byTenant.get(tenant) ?? { count: 0, last: [] };
  let unaddressed = 0;
  return {
    of,
    unaddressed: () => unaddressed,
    add(tenant, entry) {
      told?.(entry.channel, entry.reason);
      if (tenant === null) {
        unaddressed += 1;
        return;
      }
      const refused = of(tenant);
      refused.count += 1;
      refused.last.push({ at: clock.now().toISOString(), ...entry });
      if (refused.last.length > refusalsKept) refused.last.shift();
      if (byTenant.size >= tenantsKept) byTenant.clear();
      byTenant.set(tenant, refused);
    },
  };
}

/** One push as it came, and to which address. */
interface Push extends Omit<RawRequest, "body"> {
  channel: string;
  token: string;
  address(): string;
  /** Its body; read once its address is known to be somebody's. */
  read(): Promise<Uint8Array>;
}

/** Resolves with the provider's own "got it" once the push is stored; throws a Refusal. */
export type Receive = (push: Push) => Promise<Reply>;

/**
 * Providers' pushes to an address whose token names the account: no API key, each is authenticated by its adapter,
 * stored, and only then acknowledged. The body is taken as bytes: providers sign bytes and send what they like.
 */
export function createReceive(calls: CallContext, accept: Accept, refusals: RefusalLog): Receive {
  return async ({ channel, token, address, read, ...about }) => {
    const lines = (await calls.directory.byToken(token)).filter((line) => line.channel === channel);
    const refuse = (reason: string): Refusal => {
      refusals.add(lines[0]?.tenant ?? null, { address: address(), channel: channel.slice(0, 8), reason });
      return new Refusal("unauthorized", "回调未通过验证 · this push could not be authenticated");
    };
    if (lines.length === 0) throw refuse("unknown address");
    const answer = await take(calls, accept, lines, { ...about, body: await read() });
    if (gotIt(answer)) return answer;
    if (answer === "deaf") throw refuse("this line takes no pushes");
    calls.health.refusedWebhook(lines);
    throw refuse("wrong or missing authentication");
  };
}

type Asked = HonoContext<AppEnv>;
const kindOf = (c: Asked): string => (c.req.param("kind") ?? "").slice(0, kindMax);
const addressOf = (c: Asked): string => c.env.address?.() ?? "";
const bytesOf = async (c: Asked): Promise<Uint8Array> => new Uint8Array(await c.req.arrayBuffer());
const aboutOf = (c: Asked): Omit<RawRequest, "body"> => {
  return { method: c.req.method, kind: kindOf(c), query: c.req.query(), headers: c.req.header() };
};
const replyOf = ({ status, contentType, body }: Reply): Response =>
  new Response(body, { status, headers: { "content-type": contentType } });

/** The routes of pushes of every form; those of the usual one are mostly taken by `direct.ts` before. */
export function webhookRoutes(
  app: App,
  calls: CallContext,
  accept: Accept,
  { receive, refusals }: { receive: Receive; refusals: RefusalLog },
): void {
  const limit = bodyLimit(pushBytesMax);
  app.on(["GET", "POST"], tokenedRoute, limit, async (c) => {
    const { channel, token } = c.req.param();
    const address = (): string => addressOf(c);
    return replyOf(await receive({ ...aboutOf(c), channel, token, address, read: () => bytesOf(c) }));
  });
  app.on(["GET", "POST"], "/api/v1/calls/webhook/:channel/:kind?", limit, async (c) => {
    const channel = c.req.param("channel").slice(0, 8);
    const about = { ...aboutOf(c), channel, address: addressOf(c), read: () => bytesOf(c) };
    const answer = await receiveNamed(calls, accept, about);
    if (answer !== null) return replyOf(answer);
    refusals.add(null, { address: addressOf(c), channel, reason: "no token" });
    throw new Refusal(
      "unauthorized",
      "请使用线路详情中的 webhookUrl，或用 webhookSecret 签名，或在 webhookSenders 中列出来源 · use the line's own webhookUrl, " +
        "whose token names the account, or sign with its webhookSecret, or list the sender in its webhookSenders",
    );
  });
}
