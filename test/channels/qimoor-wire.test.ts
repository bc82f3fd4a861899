/** What 容联七陌 is asked, what its answers mean, and what its far side refuses. */
import { describe, expect, test } from "bun:test";
import type { CallOrder } from "../../channels/contract.ts";
import { signSid } from "../../channels/kit/sid-sign.ts";
import { agentOf, jobOf } from "../../channels/qimoor/identity.ts";
import { qimoor } from "../../channels/qimoor/index.ts";
import { loadChannel } from "../../channels/registry.ts";
import { failure } from "./checks/check.ts";
import { phone } from "./harness.ts";
import { channelOf, never } from "./line.ts";
import { accountId, apiSecret, startQimoorHarness } from "./qimoor-harness.ts";

const harness = await startQimoorHarness();
const channel = channelOf(harness);
const { far } = harness;
const webcall = { mode: "webcall", serviceNo: "01021570001" };

test("the published vector: signature and authorization over one Beijing time", () => {
  expect(signSid({ sid: "N00000000556", token: "secret" }, new Date("2016-10-13T03:36:12Z"))).toEqual({
    sig: "88996D9907E0EE52C5DAF8EFFCC31CFC",
    authorization: "TjAwMDAwMDAwNTU2OjIwMTYxMDEzMTEzNjEy",
  });
});

test("the definition, and the registry's", async () => {
  expect((await loadChannel("qimoor")) as unknown).toBe(qimoor);
  const parse = (more: object) => qimoor.config.parse({ accountId, apiSecret, ...more });
  expect(parse({})).toMatchObject({ baseUrl: "https://apis.7moor.com", mode: "dialout", extenType: "Local" });
  expect(qimoor.honours(parse({}))).toEqual([]);
  expect(qimoor.honours(parse({ recorded: true, hidesNumbers: true }))).toEqual(["record", "privacy"]);
  expect([qimoor.live(parse({})), qimoor.live(parse(webcall))]).toEqual(["lossy", "none"]);
  expect(qimoor.canHangUp(parse(webcall))).toBe(false);
  expect(channelOf(harness, {}, { ...harness.config, ...webcall }).hangup).toBeUndefined();
  const issues = qimoor.config.safeParse({ accountId, apiSecret, mode: "webcall" }).error?.issues;
  expect(issues?.map(({ path }) => path)).toEqual([["serviceNo"]]);
});

test("the job's name holds the agent and nothing that tells the customer", () => {
  const job = jobOf("8001", "13900000000", apiSecret);
  expect(job).toMatch(/^8001\.[0-9a-f]{16}$/);
  expect(agentOf(job)).toBe("8001");
  expect(jobOf("8001", "013900000000", apiSecret)).toBe(job);
  for (const other of [jobOf("8001", "13900000001", apiSecret), jobOf("8001", "13900000000", "another")]) {
    expect(other).not.toBe(job);
  }
  for (const none of [null, "", "no job", "13800000001.0123456789abcdef"]) expect(agentOf(none)).toBeNull();
});

describe("a call", () => {
  async function sent(change: Partial<CallOrder>, config: object = {}) {
    const seen = { path: "", type: "", body: {} as Record<string, unknown> };
    const fetch = async (request: Request) => {
      seen.path = new URL(request.url).pathname;
      seen.type = request.headers.get("content-type") ?? "";
      seen.body = (await request.json()) as Record<string, unknown>;
      return Response.json({ Response: "Dialout", ActionID: seen.body.ActionID, Succeed: true, Message: "" });
    };
    const order = { ...harness.scripted({}), ...change };
    const made = channelOf(harness, { fetch }, { ...harness.config, ...config });
    return { order, placed: await made.place(order, never()), ...seen };
  }

  test("dials out from the agent's extension, with our id, attempt and wish", async () => {
    const { order, placed, path, type, body } = await sent({ attempt: 2, record: true });
    expect(path).toBe(`/v20160818/call/dialout/${accountId}`);
    expect(type).toBe("application/json;charset=utf-8");
    expect(body).toEqual({
      FromExten: order.agent.seat,
      Exten: order.customer.national(),
      ExtenType: "Local",
      ActionID: `${order.callId}.2.r`,
    });
    expect(Buffer.byteLength(`${order.callId}.9999.r`)).toBeLessThanOrEqual(40);
    expect(placed).toEqual({
      providerCallId: `${order.callId}.2.r`,
      providerJobId: jobOf(order.agent.seat ?? "", order.customer.national(), apiSecret),
    });
  });

  test("goes by web call to the agent's phone, with the customer in the flow's variable", async () => {
    const { order, placed, path, body } = await sent({}, { ...webcall, webcallVariable: "target" });
    expect(path).toBe(`/v20160818/webCall/webCall/${accountId}`);
    expect(body).toEqual({
      Action: "Webcall",
      ServiceNo: "01021570001",
      Exten: order.agent.phone?.national(),
      WebCallType: "asynchronous",
      CallBackUrl: order.notifyUrl,
      Variable: `target:${order.customer.national()}`,
      ActionID: `${order.callId}.1`,
    });
    expect(placed.providerJobId).toBeNull();
  });

  test("that cannot be asked for is refused before anything leaves", async () => {
    const before = { ...far.requests };
    const order = harness.scripted({});
    const refusal = async (change: object, config: object = {}) => {
      const made = channelOf(harness, {}, { ...harness.config, ...config });
      return (await failure(made.place({ ...order, ...change }, never()), "place")).message;
    };
    const { phone: agentPhone } = order.agent;
    expect(await refusal({ agent: { phone: agentPhone, seat: null } })).toBe("refused (agent), effect none");
    // A number is no extension, and must not come to stand in a plain column.
    expect(await refusal({ agent: { phone: null, seat: "13800000001" } })).toBe("refused (agent), effect none");
    expect(await refusal({ agent: { phone: null, seat: "8000" } }, webcall)).toBe("refused (agent), effect none");
    expect(await refusal({ privacy: true }, { hidesNumbers: false })).toBe("refused (unsupported), effect none");
    expect(await refusal({ customer: phone("+12025550123") })).toBe("refused (region), effect none");
    expect(far.requests).toEqual(before);
  });
});

describe("what a dialout answers", () => {
  const body = (answer: object) => async () => Response.json(answer);
  const outcome = async (answer: object, config: object = {}) => {
    const made = channelOf(harness, { fetch: body(answer) }, { ...harness.config, ...config });
    return (await failure(made.place(harness.scripted({}), never()), "place")).message;
  };

  test.each([
    [{ Succeed: false, Message: "401PBXnotfound" }, "refused (instance, code 401), effect none"],
    [{ Succeed: false, Message: "400 Error action" }, "refused (parameter, code 400), effect none"],
    [{ Succeed: false, Message: "500 busy" }, "garbled (server, code 500), effect unknown"],
    [{ Succeed: false, Message: "agent busy" }, "refused (other, code not-succeeded), effect unknown"],
    [{ Succeed: false, Message: "13800000001" }, "refused (other, code not-succeeded), effect unknown"],
    [{ Succeed: false }, "refused (other, code not-succeeded), effect unknown"],
    [{ Succeed: false, Message: "407" }, "refused (other, code 407), effect unknown"],
    [{ code: 403, success: false }, "unauthorized (credentials, code 403), effect none"],
    [{ code: "400", success: false }, "refused (parameter, code 400), effect none"],
    [{ code: 500 }, "garbled (server, code 500), effect unknown"],
    [{ code: 200 }, "garbled (server, code form), effect unknown"],
    [{ Succeed: "true" }, "garbled (server, code form), effect unknown"],
    [{ Succeed: true, ActionID: "another" }, "garbled (server, code action-id), effect unknown"],
  ])("%p reads: a failure of its own kind", async (answer, message) => {
    expect(await outcome(answer)).toBe(message);
  });

  test("a plain no is certain only where the operator says that it is", async () => {
    const certain = { refusalsAreCertain: true };
    expect(await outcome({ Succeed: false, Message: "x" }, certain)).toBe(
      "refused (other, code not-succeeded), effect none",
    );
    expect(await outcome({ Succeed: false, Message: "500 busy" }, certain)).toContain("effect unknown");
  });

  test("an agent who is in a call is not dialed again", async () => {
    const order = harness.scripted({});
    await channel.place(order, never());
    const second = { ...harness.scripted({}), agent: order.agent };
    expect((await failure(channel.place(second, never()), "a second call")).code).toBe("not-succeeded");
  });
});

test("a hang-up names the agent, and only for a call that is this one", async () => {
  const order = harness.scripted({});
  const call = { callId: order.callId, attempt: 1, ...(await channel.place(order, never())), sentAt: new Date() };
  const hungUp = (change: object) => failure(channel.hangup?.({ ...call, ...change }, never()) ?? noMethod(), "hangup");
  const before = far.requests.hangup ?? 0;
  for (const change of [{ attempt: 2 }, { callId: "call_20261121_zzzzzzzzzzzzzzzz" }, { providerJobId: null }]) {
    expect((await hungUp(change)).cause).toBe("not-found");
  }
  expect(far.requests.hangup ?? 0).toBe(before);
  await channel.hangup?.(call, never());
  expect(far.calls.find((one) => one.order.actionId === call.providerCallId)?.end).not.toBeNull();
  expect((await hungUp({})).code).toBe("400");
});

const noMethod = () => Promise.reject(new Error("it cannot"));

test.each([
  ["no list", {}],
  ["no code", { data: [] }],
  ["a list of another form", { code: 200, data: ["x"] }],
])("%s of records is an error", async (_, answer) => {
  const made = channelOf(harness, { fetch: async () => Response.json(answer) });
  expect((await failure(made.probe(never()), "probe")).kind).toBe("garbled");
});

test("a list's odd values harm nothing", async () => {
  const data = [{ _id: 1, CALL_NO: null, X: { y: 1 } }, {}];
  const made = channelOf(harness, { fetch: async () => Response.json({ code: 200, data }) });
  expect(await made.find?.(harness.scripted({}), new Date(), never())).toBe("cannot-tell");
  const empty = channelOf(harness, { fetch: async () => Response.json({ code: "200", data: null }) });
  await empty.probe(never());
});

test("a recording is fetched from the provider's hosts only; an error page is no sound", async () => {
  const asked: string[] = [];
  const fetch = async (request: Request) => {
    asked.push(request.url);
    return new Response("sound", { headers: { "content-type": "audio/mpeg" } });
  };
  const spied = channelOf(harness, { fetch });
  await spied.openRecording?.("http://record.7moor.com/monitor/x.mp3", never());
  for (const ref of ["http://evil.example/a", "http://evil7moor.com/", "http://7moor.com@evil.example/", "x"]) {
    const refused = await failure(spied.openRecording?.(ref, never()) ?? noMethod(), ref);
    expect(refused.code).toBe("recording-host");
  }
  expect(asked).toEqual(["http://record.7moor.com/monitor/x.mp3"]);
});

describe("the far side", () => {
  interface Change {
    account?: string;
    sig?: string;
    secret?: string;
    header?: string;
    type?: string;
    at?: Date;
    path?: string;
    body?: object;
  }
  async function said(change: Change = {}): Promise<unknown> {
    const { account = accountId, secret = apiSecret, at = new Date(), type = "application/json" } = change;
    const { path = "v20170704/cdr/getCCCdr", body = window } = change;
    const { sig, authorization } = signSid({ sid: account, token: secret }, at);
    const url = `${far.url}/${path}/${account}?sig=${change.sig ?? sig}`;
    const headers = { authorization: change.header ?? authorization, "content-type": type };
    const answer = await fetch(url, { method: "POST", headers, body: JSON.stringify(body) });
    const { code, Succeed, Message } = (await answer.json()) as Record<string, unknown>;
    return code ?? (Succeed ? true : Message);
  }
  const window = { beginTime: "2026-11-21 00:00:00", endTime: "2026-11-21 00:01:00" };
  const minute = 60_000;
  const dialout = (body: object): Change => {
    const right = { FromExten: "7000", Exten: "13900000000", ExtenType: "sip", ActionID: "a" };
    return { path: "v20160818/call/dialout", body: { ...right, ...body } };
  };
  const refused = "400 Error parameter";

  test.each<[unknown, Change]>([
    [200, {}],
    [200, { at: new Date(Date.now() - 4.9 * minute) }],
    [403, { at: new Date(Date.now() - 5.1 * minute) }],
    [403, { at: new Date(Date.now() + 5.1 * minute) }],
    [403, { secret: "wrong" }],
    [403, { sig: "0".repeat(32) }],
    [403, { header: "" }],
    [403, { header: Buffer.from("N1:20260101000000").toString("base64") }],
    [403, { account: "N00000000999" }],
    [403, { type: "text/plain" }],
    [400, { body: { ...window, endTime: "2026-11-20 00:00:00" } }],
    [400, { body: { beginTime: "20261121000000", endTime: "20261121000100" } }],
    [true, dialout({})],
    [refused, dialout({ FromExten: "" })],
    [refused, dialout({ Exten: "+8613900000000" })],
    [refused, dialout({ ExtenType: "phone" })],
    [refused, dialout({ ActionID: "a".repeat(41) })],
    [refused, { path: "v20160818/webCall/webCall", body: { Action: "Webcall", Exten: "13900000000" } }],
    ["400 Error action", { path: "v20160818/call/hangup", body: { Agent: "9999" } }],
  ])("answers %p to %p", async (answer, change) => {
    expect(await said(change)).toBe(answer);
  });

  test("knows no other path, and runs a call whose answer is garbage, late or never", async () => {
    expect((await fetch(`${far.url}/v1/call/${accountId}`, { method: "POST" })).status).toBe(404);
    for (const answer of ["never", "garbage"] as const) {
      const order = harness.scripted({ answer });
      const placing = channel.place(order, AbortSignal.timeout(150));
      await expect(placing).rejects.toMatchObject({ effect: "unknown" });
      expect(far.calls.some((call) => call.order.customer === order.customer.national())).toBe(true);
    }
    const slow = harness.scripted({ answerAfterMs: 20 });
    expect((await channel.place(slow, never())).providerCallId).toBe(`${slow.callId}.1`);
  });
});
