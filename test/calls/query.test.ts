/** Finding calls: filters, pages, and following one. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { customer, type Json, startTestService, startTimeoutMs, type TestService } from "../service.ts";
import { codeOf, lineOf } from "./variant.ts";

let on: TestService;
let lineId: number;
let otherId: number;
let made: string[] = [];
const callsMade = 120;
const atOnce = 5;
const statuses: string[] = [];

// A busy machine is no fault of what is tested.
setDefaultTimeout(60_000);
beforeAll(async () => {
  on = await startTestService({ tickMs: 200 });
  lineId = (await lineOf(on, { config: { speed: 200 } })).id;
  otherId = (await lineOf(on, { config: { speed: 200, flavour: "poll" } })).id;
  // Other calls of other tenants lie between.
  const stranger = await on.tenant("stranger");
  await on.line("theirs", {}, stranger);
  for (let from = 0; from < callsMade; from += atOnce) {
    const batch = Array.from({ length: atOnce }, (_, at) => callNumber(from + at));
    made.push(...(await Promise.all(batch)));
    const body = { customerPhone: customer(0), bizId: "biz-1" };
    await on.ask("POST", "/api/v1/calls/dial", { key: stranger, body });
  }
  // As they came out: on a slow machine one or the other may have ended otherwise than its number says.
  for (const callId of made) statuses.push((await on.ended(callId)).status);
}, startTimeoutMs);
afterAll(() => on.stop(), startTimeoutMs);

/** Answered, busy and refused ones; most of those that cost little. */
const digitOf = (n: number): number => (n % 12 === 2 ? 0 : n % 3 === 1 ? 3 : 6);

async function callNumber(n: number): Promise<string> {
  const answer = await on.dial({
    customerPhone: customer(digitOf(n)),
    lineId: n % 4 === 0 ? otherId : lineId,
    bizId: `biz-${n % 2}`,
    userId: `user-${n % 5}`,
    customerId: `customer-${n}`,
    orderId: `order-${n % 7}`,
  });
  expect([200, 202, 503]).toContain(answer.status);
  return answer.body.callId;
}

async function pages(query: string, limit: number): Promise<Json[][]> {
  const found: Json[][] = [];
  let cursor: string | null = null;
  do {
    const from: string = cursor === null ? "" : `&cursor=${encodeURIComponent(cursor)}`;
    const answer = await on.ask("GET", `/api/v1/calls?limit=${limit}${query}${from}`);
    expect(answer.status).toBe(200);
    found.push(answer.body.calls);
    cursor = answer.body.next;
  } while (cursor !== null);
  return found;
}

const numbersOf = (calls: Json[]): number[] => calls.map((one) => made.indexOf(one.callId)).sort((a, b) => a - b);
const numbers = (fits: (n: number) => boolean): number[] => [...made.keys()].filter(fits);

describe("the list", () => {
  for (const limit of [7, 50, 120, 200]) {
    test(`${limit} a page: every call once, newest first`, async () => {
      const found = await pages("", limit);
      expect(found.slice(0, -1).every((page) => page.length === limit)).toBe(true);
      const all = found.flat();
      expect(numbersOf(all)).toEqual([...made.keys()]);
      const places = all.map((one) => `${one.created} ${one.callId}`);
      expect(places).toEqual(places.toSorted().reverse());
    });
  }

  test("new calls between two pages shift nothing", async () => {
    const first = await on.ask("GET", "/api/v1/calls?limit=60&orderId=order-3");
    expect(first.body.next).toBeNull();
    const page = await on.ask("GET", "/api/v1/calls?limit=10&bizId=biz-0");
    const late = await on.dial({ customerPhone: customer(0), bizId: "biz-0", orderId: "late" });
    const next = await on.ask("GET", `/api/v1/calls?limit=200&bizId=biz-0&cursor=${page.body.next}`);
    expect(numbersOf([...page.body.calls, ...next.body.calls])).toEqual(numbers((n) => n % 2 === 0));
    await on.ended(late.body.callId);
    made = [...made, late.body.callId];
  });

  const ofMade = (n: number): boolean => n < callsMade;
  for (const [query, fits] of [
    ["bizId=biz-1", (n) => n % 2 === 1],
    ["userId=user-3", (n) => n % 5 === 3],
    ["customerId=customer-17", (n) => n === 17],
    ["orderId=order-6", (n) => n % 7 === 6],
    ["channel=fake&bizId=biz-1", (n) => n % 2 === 1],
    ["channel=e9", () => false],
    ["status=busy", (n) => statuses[n] === "busy"],
    ["status=failed", (n) => statuses[n] === "failed"],
    ["status=ended&userId=user-3", (n) => statuses[n] === "ended" && n % 5 === 3],
    ["status=busy&bizId=biz-1", (n) => statuses[n] === "busy" && n % 2 === 1],
    ["status=pending", () => false],
    ["userId=user-3&orderId=order-6&bizId=biz-1", (n) => n % 5 === 3 && n % 7 === 6 && n % 2 === 1],
    ["customerId=customer-17&bizId=biz-0", () => false],
  ] as [string, (n: number) => boolean][]) {
    test(`${query}, in pages of 9 too`, async () => {
      const wanted = numbers((n) => ofMade(n) && fits(n));
      expect(numbersOf((await pages(`&${query}`, 200)).flat())).toEqual(wanted);
      expect(numbersOf((await pages(`&${query}`, 9)).flat())).toEqual(wanted);
      const body = Object.fromEntries(new URLSearchParams(query));
      const searched = await on.ask("POST", "/api/v1/calls/search", { body: { ...body, limit: 200 } });
      expect(numbersOf(searched.body.calls)).toEqual(wanted);
    });
  }

  test("by line, in the address and in a body", async () => {
    const wanted = numbers((n) => ofMade(n) && n % 4 === 0);
    expect(numbersOf((await pages(`&lineId=${otherId}`, 200)).flat())).toEqual(wanted);
    const searched = await on.ask("POST", "/api/v1/calls/search", { body: { lineId: otherId, limit: 200 } });
    expect(numbersOf(searched.body.calls)).toEqual(wanted);
  });

  test("from counts, to does not", async () => {
    const all = (await pages("", 200)).flat();
    const [newer, older] = [all[20].created, all[60].created];
    const between = await pages(`&from=${older}&to=${newer}`, 200);
    const wanted = all.filter((one) => one.created >= older && one.created < newer);
    expect(numbersOf(between.flat())).toEqual(numbersOf(wanted));
    expect((await pages("&from=9999-12-31T23:59:59Z", 50)).flat()).toEqual([]);
    expect((await pages("&to=1970-01-01T00:00:00Z", 50)).flat()).toEqual([]);
  });

  test("a cursor that is none of ours is refused", async () => {
    const cursor = (text: string): string => Buffer.from(text).toString("base64url");
    const now = new Date().toISOString();
    for (const given of [
      "x",
      "%00",
      cursor("2025|call_1"),
      cursor("yesterday|call_1"),
      cursor(`${now}|`),
      cursor(`${now}|\0`),
      cursor(`${now}|call_1' or true`),
      cursor("0000-01-01T00:00:00.000Z|call_1"),
      cursor("2025-02-31T00:00:00.000Z|call_1"),
      cursor(now),
    ]) {
      const answer = await on.ask("GET", `/api/v1/calls?cursor=${given}`);
      expect([given, ...codeOf(answer), answer.body.errors?.[0].field]).toEqual([given, 422, "invalid", "cursor"]);
    }
  });

  test("a wrong filter is refused by its name", async () => {
    for (const [query, field] of [
      ["status=over", "status"],
      ["lineId=0", "lineId"],
      ["lineId=1e99", "lineId"],
      ["lineId=x", "lineId"],
      ["limit=0", "limit"],
      ["limit=201", "limit"],
      ["from=yesterday", "from"],
      ["from=0000-01-01T00:00:00Z", "from"],
      ["to=2025-02-31T00:00:00Z", "to"],
      ["bizId=", "bizId"],
      ["bizId=a%00b", "bizId"],
      ["bizId=a&bizId=b", "bizId"],
      ["nope=1", "nope"],
    ]) {
      const answer = await on.ask("GET", `/api/v1/calls?${query}`);
      expect([query, ...codeOf(answer), answer.body.errors?.[0].field]).toEqual([query, 422, "invalid", field]);
    }
  });
});

describe("following a call", () => {
  const status = (callId: string, query: string) => on.ask("GET", `/api/v1/calls/${callId}/status${query}`);

  test("versions only rise, states only go on, and the answer comes with the change", async () => {
    const { id } = await lineOf(on, { config: { speed: 20 } });
    const { callId } = (await on.dial({ customerPhone: customer(0), lineId: id })).body;
    const states: string[] = [];
    for (let version = 0; states.at(-1) !== "ended"; ) {
      const { body } = await status(callId, `?wait=25&version=${version}`);
      expect(body.version).toBeGreaterThan(version);
      version = body.version;
      states.push(body.status);
    }
    const seen = states.filter((one, at) => one !== states[at - 1]);
    expect(["calling", "ringing", "connected", "ended"].filter((one) => seen.includes(one))).toEqual(seen);
    expect(seen.at(-1)).toBe("ended");
  });

  test("many who wait are all woken by one change", async () => {
    const phone = customer(0);
    on.far.script(`+86${phone}`, { talkSeconds: 10_000 });
    const { callId } = (await on.dial({ customerPhone: phone, lineId })).body;
    const { version } = await on.until(callId, (one) => one.status === "connected");
    const waiting = Array.from({ length: 50 }, () => status(callId, `?wait=25&version=${version}`));
    await on.ask("POST", "/api/v1/calls/hangup", { body: { callId } });
    const answers = await Promise.all(waiting);
    expect(answers.every((one) => one.status === 200 && one.body.version > version)).toBe(true);
    await on.ended(callId);
  });

  test("nothing new within the wait: what is known is told", async () => {
    const [callId = ""] = made;
    const { body } = await status(callId, "");
    const waited = await status(callId, `?wait=0.05&version=${body.version}`);
    expect([waited.status, waited.body]).toEqual([200, body]);
    expect((await status(callId, "?wait=25&version=0")).body).toEqual(body);
    expect((await status(callId, "?wait=25")).body).toEqual(body);
  });

  test("wrong words are refused, unknown calls are not found", async () => {
    const [callId = ""] = made;
    for (const query of ["?wait=26", "?wait=-1", "?wait=x", "?version=-1", "?version=1.5", "?version=1e99", "?w=1"])
      expect([query, ...codeOf(await status(callId, query))]).toEqual([query, 422, "invalid"]);
    expect(codeOf(await status("call_20200101_0000000000000000", "?wait=25&version=0"))).toEqual([404, "not_found"]);
    expect(codeOf(await status("call_nope", ""))).toEqual([404, "not_found"]);
    expect(codeOf(await status("nope", ""))).toEqual([404, "not_found"]);
  });
});
