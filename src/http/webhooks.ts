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

/** Pushes that could not prove where they came from: how many, and the last ones. Held in memory only. */
export interface RefusalLog {
  count: number;
  last: { at: string; address: string; channel: string; reason: string }[];
  add(address: string, channel: string, reason: string): void;
}

const refusalsKept = 20;

export function createRefusalLog(clock: Clock, told?: (channel: string, reason: string) => void): RefusalLog {
  const log: RefusalLog = {
    count: 0,
    last: [],
    add(address, channel, reason) {
      log.count += 1;
      told?.(channel, reason);
      log.last.push({ at: clock.now().toISOString(), address, channel, reason });
      if (log.last.length > refusalsKept) log.last.shift();
    },
  };
  return log;
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
    const refuse = (reason: string): Refusal => {
      refusals.add(c.env.address ?? "", channelName.slice(0, 8), reason);
      return new Refusal("unauthorized", "回调未通过验证 · this push could not be authenticated");
    };
    const lines = (await calls.directory.byToken(token)).filter((line) => line.channel === channelName);
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
    refusals.add(c.env.address ?? "", c.req.param("channel").slice(0, 8), "no token");
    throw new Refusal(
      "unauthorized",
      "请使用线路详情中的 webhookUrl · use the line's own webhookUrl, whose token names the account",
    );
  });
}
