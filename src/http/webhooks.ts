import type { Context as HonoContext } from "hono";
import { ChannelError } from "../../channels/errors.ts";
import type { CallContext } from "../calls/context.ts";
import type { Clock } from "../clock.ts";
import { Refusal } from "../domain/refusal.ts";
import type { Accept } from "../inbox/accept.ts";
import { errorFields } from "../log.ts";
import { type App, type AppEnv, bodyLimit } from "./route.ts";

const pushBytesMax = 1024 * 1024;
const webhookTimeoutMs = 5_000;
const kindMax = 32;

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

/**
 * Providers' pushes: no API key, each is authenticated by its adapter, stored, and only then acknowledged. The body is
 * read as bytes: providers sign bytes and send what they like.
 */
export function webhookRoutes(app: App, calls: CallContext, accept: Accept, refusals: RefusalLog): void {
  const limit = bodyLimit(pushBytesMax);

  async function receive(c: HonoContext<AppEnv>, token: string, kind: string): Promise<Response> {
    const channelName = c.req.param("channel") ?? "";
    const received = calls.clock.now();
    const lines = (await calls.directory.byToken(token)).filter((line) => line.channel === channelName);
    const refuse = (reason: string): Refusal => {
      const channel = channelName.slice(0, 8);
      refusals.add(lines[0]?.tenant ?? null, { address: c.env.address ?? "", channel, reason });
      return new Refusal("unauthorized", "回调未通过验证 · this push could not be authenticated");
    };
    if (lines.length === 0) throw refuse("unknown address");
    const body = new Uint8Array(await c.req.arrayBuffer());
    const request = { method: c.req.method, kind, query: c.req.query(), headers: c.req.header(), body };
    let failure: unknown = null;
    // Lines of one account share its credentials, yet each may carry a secret of its own while one is being changed.
    for (const line of lines) {
      const channel = calls.directory.channelOf(line);
      if (channel.webhook === undefined) continue;
      try {
        const { deliveries, reply } = await channel.webhook(request, AbortSignal.timeout(webhookTimeoutMs));
        const about = {
          tenant: line.tenant,
          accountId: line.accountId,
          channel: line.channel,
          source: "push" as const,
        };
        await accept.accept(deliveries.map((delivery) => ({ ...about, received, delivery })));
        return new Response(reply.body, { status: reply.status, headers: { "content-type": reply.contentType } });
      } catch (error) {
        if (!(error instanceof ChannelError)) throw error;
        failure = error;
        if (error.kind !== "unauthorized") break;
      }
    }
    if (failure instanceof ChannelError && failure.kind !== "unauthorized") {
      calls.log.warn({ ...errorFields(failure), channel: channelName }, "a push was not of this channel's form");
      throw new Refusal("malformed", "不是该渠道的消息 · not a message of this channel");
    }
    throw refuse(failure === null ? "this line takes no pushes" : "wrong or missing authentication");
  }

  for (const path of ["/api/v1/calls/webhook/:channel/:token{wh_[A-Za-z0-9]+}/:kind?"] as const) {
    app.on(["GET", "POST"], path, limit, (c) =>
      receive(c, c.req.param("token"), (c.req.param("kind") ?? "").slice(0, kindMax)),
    );
  }
  app.on(["GET", "POST"], "/api/v1/calls/webhook/:channel/:kind?", limit, (c) => {
    const channel = c.req.param("channel").slice(0, 8);
    refusals.add(null, { address: c.env.address ?? "", channel, reason: "no token" });
    throw new Refusal(
      "unauthorized",
      "请使用线路详情中的 webhookUrl · use the line's own webhookUrl, whose token names the account",
    );
  });
}
