/** The suite's view of the tencent channel's far side. */
import { randomUUID } from "node:crypto";
import type { CallOrder, Channel } from "../../channels/contract.ts";
import type { TencentProviderOptions } from "../../channels/tencent/fake.ts";
import { type PushAuth, startTencentProvider, type TencentProvider } from "../../channels/tencent/fake.ts";
import cdrNoAnswer from "../../channels/tencent/fixtures/cdr-a-no-answer.json";
import cdrCompleted from "../../channels/tencent/fixtures/cdr-completed.json";
import cdrInbound from "../../channels/tencent/fixtures/cdr-inbound-unknown.json";
import cdrNumberOnly from "../../channels/tencent/fixtures/cdr-number-only.json";
import cdrPushed from "../../channels/tencent/fixtures/cdr-pushed.json";
import cdrRunning from "../../channels/tencent/fixtures/cdr-running.json";
import cdrUnknown from "../../channels/tencent/fixtures/cdr-unknown-end.json";
import record from "../../channels/tencent/fixtures/record.json";
import sessionFinished from "../../channels/tencent/fixtures/session-finished.json";
import sessionInProgress from "../../channels/tencent/fixtures/session-in-progress.json";
import sessionRinging from "../../channels/tencent/fixtures/session-ringing.json";
import sessionSeatJoining from "../../channels/tencent/fixtures/session-seat-joining.json";
import sessionUnknown from "../../channels/tencent/fixtures/session-unknown.json";
import videoUnknown from "../../channels/tencent/fixtures/video-unknown.json";
import { tencent } from "../../channels/tencent/index.ts";
import { type Ending, type Fixture, type Harness, phone } from "./harness.ts";

export const secretId = "AKIDexample0000000000000000000000000";
export const secretKey = "s3cret-key-of-the-tencent-account";
export const sdkAppId = 1_400_000_001;
export const pushUser = "hualu";
export const pushSecret = "s3cret-of-the-pushes";
const otherSecret = "another-secret-altogether";
const speed = 50;

/** Of the suite's endings those that the far side's digits or scripts can play. */
const digits: Partial<Record<Ending, number>> = {
  answered: 0,
  "a-no-answer": 1,
  "b-no-answer": 2,
  "a-busy": 3,
  "b-busy": 4,
  "b-declined": 5,
  refused: 6,
  "lost-answer": 7,
  "server-error": 8,
  jumbled: 9,
};
const scripted = ["a-declined", "b-vacant", "b-malformed"] as const;

function fixture(kind: string, name: string, payload: object, ...events: string[]): Fixture {
  const session = "6bb56a09278740bc80c5dc6dab783eff";
  const about = kind === "session" ? { about: { session, call: "call_20261121_k3v9q2a8d7f6s5m4.1" } } : {};
  return { name, delivery: { kind, body: new TextEncoder().encode(JSON.stringify(payload)), ...about }, events };
}

const legs = ["calling a", "ringing a", "answered a", "ringing b", "answered b", "connected"];
const whole = legs.map((one) => `${one} @4`);
const live = ["calling a @2", "ringing b @2", "answered b @2", "connected @2"];

export const fixtures: readonly Fixture[] = [
  fixture("session", "session-seat-joining", sessionSeatJoining, "calling a @2"),
  fixture("session", "session-ringing", sessionRinging, "calling a @2", "ringing b @2"),
  fixture("session", "session-in-progress", sessionInProgress, ...live),
  fixture("session", "session-finished", sessionFinished, ...live),
  fixture("session", "session-unknown", sessionUnknown, "unrecognized @1"),
  fixture("cdr", "cdr-completed", cdrCompleted, ...whole, "ended 0 NORMAL_CLEARING @4", "recording @4", "cdr @4"),
  fixture("cdr", "cdr-pushed", cdrPushed, ...whole.slice(0, 4), "ended 2 NO_ANSWER @4", "cdr @4"),
  fixture("cdr", "cdr-a-no-answer", cdrNoAnswer, ...whole.slice(0, 2), "ended 1 NO_ANSWER @4", "cdr @4"),
  fixture("cdr", "cdr-number-only", cdrNumberOnly, "calling a @4", "ended 6 NETWORK_ERROR @4", "cdr @4"),
  fixture(
    "cdr",
    "cdr-unknown-end",
    cdrUnknown,
    "calling a @4",
    "ended 255 NETWORK_ERROR @4",
    "unrecognized @1",
    "cdr @4",
  ),
  fixture("cdr", "cdr-running", cdrRunning, "calling a @2", "ringing a @2", "answered a @2"),
  fixture("cdr", "cdr-inbound-unknown", cdrInbound, "unrecognized @1"),
  fixture("record", "record", record, "recording @3"),
  fixture("videoCdr", "video-unknown", videoUnknown, "unrecognized @1"),
];

export interface TencentHarness extends Harness {
  far: TencentProvider;
  config: Record<string, unknown>;
}

export async function startTencentHarness(
  pushAuth: "none" | "basic" | "oauth" = "basic",
  options: TencentProviderOptions = {},
): Promise<TencentHarness> {
  const keys = { [secretId]: secretKey };
  const far = await startTencentProvider({ keys, apps: [sdkAppId], speed, ...options });
  const proof = pushAuth === "none" ? {} : { pushUser, pushSecret };
  const config = { secretId, secretKey, sdkAppId, baseUrl: far.url, recorded: true, pushAuth, ...proof };
  let made = 0;
  const tools = { fetch: (request: Request) => fetch(request), now: () => new Date(), randomId: randomUUID };
  const tokenUrl = pushAuth === "oauth" ? serveTokens(tencent.create(tencent.config.parse(config), tools)) : "";
  return {
    far,
    definition: tencent,
    config,
    wrongConfig: { ...config, secretKey: otherSecret, ...(pushAuth !== "none" && { pushSecret: otherSecret }) },
    tools,
    order(ending, wish) {
      const isScripted = scripted.find((one) => one === ending);
      const digit = digits[ending] ?? (isScripted && 0);
      if (digit === undefined) return null;
      made += 1;
      const order = orderTo(`+86139${String(13_900_000 + made).slice(-7)}${digit}`, made, wish);
      if (isScripted) far.script(order.customer.reveal(), { ending: isScripted });
      far.setPush(wish.notifyUrl, authOf(pushAuth, tokenUrl));
      return order;
    },
    isPlacing: (request) => request.headers.get("x-tc-action") === "CreateCallOutSession",
    secrets: [secretKey, pushSecret, otherSecret],
    fixtures,
    unknownMessages: fixtures.filter(({ name }) => name.includes("unknown")).map(({ delivery }) => delivery),
    tells: ["calling a", "ringing b", "answered b", "connected"],
    lookup: "ended",
    serverErrorEffect: "unknown",
    staleAfterMs: null,
    controlled: () => [],
    ringsOf: (customer) => far.ringsOf(customer.reveal()),
  };
}

/** The suite's receiver knows of no path behind the webhook's, so that this one stands for it. */
function serveTokens(channel: Channel): string {
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    async fetch(request) {
      const headers = Object.fromEntries(request.headers);
      const asked = { method: request.method, kind: "token", query: {}, headers, body: await request.bytes() };
      const answer = await channel.webhook?.(asked, request.signal).catch(() => undefined);
      return new Response(answer?.reply.body ?? "", { status: answer?.reply.status ?? 401 });
    },
  });
  return server.url.href;
}

function authOf(kind: "none" | "basic" | "oauth", tokenUrl: string): PushAuth {
  if (kind === "none") return { kind };
  const proof = { user: pushUser, secret: pushSecret };
  return kind === "basic" ? { kind, ...proof } : { kind, ...proof, tokenUrl };
}

export function orderTo(
  customer: string,
  number: number,
  wish: Pick<CallOrder, "notifyUrl" | "record">,
  more: Partial<CallOrder> = {},
): CallOrder {
  return {
    callId: `call_20261121_${String(number).padStart(16, "0")}`,
    attempt: 1,
    agent: { phone: null, seat: `agent-${number}@example.com` },
    customer: phone(customer),
    displayNumber: phone("+8675500000002"),
    privacy: true,
    ringTimeoutSeconds: 60,
    maxDurationSeconds: 3_600,
    mainNum: null,
    extNum: null,
    ivrUrl: null,
    ivrText: null,
    ...wish,
    ...more,
  };
}
