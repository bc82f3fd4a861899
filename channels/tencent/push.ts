/** Data pushes: who sent them, and which of them it is. cloud.tencent.com/document/product/679/67256 */
import { type Batch, ChannelError, type RawRequest, type Reply } from "../contract.ts";
import type { TencentConfig } from "./config.ts";
import { isBasic, isClient, isToken, newToken, type PushKey, tokenSeconds } from "./sign.ts";
import { pushMessage } from "./wire.ts";

/** Where the console's "token URL" leads, behind the webhook's own address. */
export const tokenKind = "token";
/** Told apart by the query's `action`; these names belong to what we asked for ourselves. */
const reserved = ["session"];

export function receive(config: TencentConfig, now: Date, request: RawRequest): Batch & { reply: Reply } {
  const key = { user: config.pushUser ?? "", secret: config.pushSecret ?? "" };
  if (request.kind === tokenKind && config.pushAuth === "oauth") return giveToken(key, now, request);
  const header = request.headers.authorization;
  if (config.pushAuth === "basic" && !isBasic(header, key)) throw unauthorized("basic");
  if (config.pushAuth === "oauth" && !isToken(header, key, now)) throw unauthorized("oauth");
  const appId = appIdIn(request.body);
  if (appId !== undefined && appId !== String(config.sdkAppId)) throw unauthorized("SdkAppId");
  const pushId = request.headers["x-tccc-push-uuid"];
  // Kept for whoever looks for repetitions; that they do no harm is the record's affair, which knows what was stored.
  const about = pushId !== undefined && /^[\w-]{1,64}$/.test(pushId) ? { about: { pushId } } : {};
  const deliveries = [{ kind: kindOf(request.query.action), body: request.body, ...about }];
  return { deliveries, reply: json({ ErrCode: 0, ErrMsg: "" }) };
}

/** The application whose push it is. */
export function appIdIn(body: Uint8Array): string | undefined {
  return pushMessage.safeParse(parse(body)).data?.SdkAppId;
}

function giveToken(key: PushKey, now: Date, { headers, body }: RawRequest): Batch & { reply: Reply } {
  if (!isClient(headers.authorization, body, key)) throw unauthorized("client");
  const answer = { access_token: newToken(key, now), token_type: "Bearer", expires_in: tokenSeconds };
  return { deliveries: [], reply: json(answer) };
}

function kindOf(action: string | undefined): string {
  return action !== undefined && /^[A-Za-z]{1,32}$/.test(action) && !reserved.includes(action) ? action : "event";
}

function json(value: object): Reply {
  return { status: 200, contentType: "application/json", body: JSON.stringify(value) };
}

function parse(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(body));
  } catch {
    return undefined;
  }
}

function unauthorized(code: string): ChannelError {
  return new ChannelError({ kind: "unauthorized", effect: "none", cause: "credentials", code });
}
