/** What leaves, byte for byte, and what is made of answers that a far side of ours would not give. */
import { expect, test } from "bun:test";
import { createHash, createHmac } from "node:crypto";
import { parseXml } from "@rgrove/parse-xml";
import type { CallOrder, Channel } from "../../channels/contract.ts";
import { examples } from "../../channels/custom/far/examples.ts";
import { custom } from "../../channels/custom/index.ts";
import { failure } from "./checks/check.ts";
import { account, secret } from "./custom-harness.ts";
import { orderTo } from "./fake-harness.ts";
import { phone } from "./harness.ts";
import { never } from "./line.ts";

const now = new Date("2026-11-21T02:03:04.567Z");
const nasty = `a"b\\c<d>&e='f' +%\n{g}`;
const line = { baseUrl: "https://api.example.com/base/", account, secret };
const order = (change: Partial<CallOrder> = {}): CallOrder => ({
  ...orderTo(phone("+8613912345678"), 1, {
    notifyUrl: "https://us.example/hook",
    record: true,
    maxDurationSeconds: 60,
  }),
  ...change,
});

interface Sent {
  method: string;
  url: string;
  headers: Headers;
  body: string;
}

/** A channel whose requests are kept, and answered so. */
function spied(config: object, ...answers: Response[]): { channel: Channel; sent: Sent[] } {
  const sent: Sent[] = [];
  const fetch = async (request: Request): Promise<Response> => {
    sent.push({ method: request.method, url: request.url, headers: request.headers, body: await request.text() });
    return answers.shift() ?? Response.json({ code: 0, result: { id: "c-1" } });
  };
  const tools = { fetch, now: () => now, randomId: () => "n0nce" };
  return { channel: custom.create(custom.config.parse({ ...line, ...config }), tools), sent };
}

const yes = { yes: { path: "/code", values: ["0"] } };
const placing = (request: object, more: object = {}) => ({
  place: { request, answer: yes, callId: "/result/id" },
  ...more,
});

test("JSON keeps types, escapes by itself, and leaves out what the order lacks", async () => {
  const value = {
    number: "{maxSeconds}",
    flag: "{record}",
    word: "{record?on:off}",
    text: "<{ivrText}>",
    braces: "{{x}}",
    gone: "{extNum}",
    mixed: "no {extNum}",
    list: ["{extNum}", "{mainNum}", null, 7],
    fixed: null,
  };
  const { channel, sent } = spied(placing({ body: { format: "json", value } }));
  await channel.place(order({ ivrText: nasty, mainNum: "8" }), never());
  expect(JSON.parse(sent[0]?.body ?? "")).toEqual({
    number: 60,
    flag: true,
    word: "on",
    text: `<${nasty}>`,
    braces: "{x}",
    list: ["8", null, 7],
    fixed: null,
  });
  expect(sent[0]?.url).toBe("https://api.example.com/base");
});

test("a form, an address and a path are encoded; one value can never become two", async () => {
  const request = {
    path: "/calls/{ivrText}",
    query: { q: "{ivrText}", gone: "{extNum}" },
    body: { format: "form", fields: { text: "{ivrText}", record: "{record?1:0}" } },
  };
  const { channel, sent } = spied(placing(request));
  await channel.place(order({ ivrText: nasty, record: false }), never());
  const [{ url = "", body = "" } = {}] = sent;
  expect(decodeURIComponent(new URL(url).pathname)).toBe(`/base/calls/${nasty}`);
  expect([...new URL(url).searchParams]).toEqual([["q", nasty]]);
  expect([...new URLSearchParams(body)]).toEqual([
    ["text", nasty],
    ["record", "0"],
  ]);
});

test("XML is escaped in texts and attributes", async () => {
  const text = '<r a="{ivrText}"><t>{ivrText}</t><none>{extNum}</none></r>';
  const { channel, sent } = spied(placing({ body: { format: "xml", text } }));
  await channel.place(order({ ivrText: `${nasty}\u0000\u0008` }), never());
  const { root } = parseXml(sent[0]?.body ?? "");
  expect(root?.text).toBe(nasty);
  // The parser, as XML says, reads a line's end in an attribute as a space.
  expect(root?.attributes.a).toBe(nasty.replace("\n", " "));
});

test("a value that would end a header is refused, and nothing leaves", async () => {
  const { channel, sent } = spied(placing({ headers: { "x-text": "{ivrText}" } }));
  const error = await failure(channel.place(order({ ivrText: "a\r\nx-evil: 1" }), never()), "a torn header");
  expect(error.message).toBe("refused (parameter, code unsendable), effect none");
  expect(sent).toEqual([]);
});

test("the families of signatures", async () => {
  const config = placing(
    {
      method: "POST",
      path: "/p",
      query: { b: "2", sorted: "{ofAll}" },
      headers: { md5: "{md5}", base64: "{base64}", hmac: "{hmac}", over: "{over}", authorization: "Bearer {secret}" },
      body: { format: "form", fields: { a: "1 ü", c: "{customer}" } },
    },
    {
      clock: { format: "yyyyMMddHHmmss" },
      signatures: {
        md5: { method: "md5", text: "{account}{secret}{timestamp}", encoding: "HEX" },
        base64: { method: "base64", text: "{account}:{timestamp}" },
        ofAll: { method: "md5", text: "{sorted}&key={secret}" },
        hmac: { method: "hmac-sha1", text: "{method}\n{path}\n{nonce}\n{body}", encoding: "base64" },
        over: { method: "sha256", text: "{hmac}{md5}" },
      },
    },
  );
  const { channel, sent } = spied(config);
  await channel.place(order(), never());
  const [{ headers, url = "", body = "" } = {}] = sent;
  const stamp = "20261121100304";
  const md5 = createHash("md5")
    .update(account + secret + stamp)
    .digest("hex")
    .toUpperCase();
  const hmac = createHmac("sha1", secret).update(`POST\n/base/p\nn0nce\n${body}`).digest("base64");
  expect(headers?.get("md5")).toBe(md5);
  expect(headers?.get("base64")).toBe(Buffer.from(`${account}:${stamp}`).toString("base64"));
  expect(headers?.get("hmac")).toBe(hmac);
  expect(headers?.get("over")).toBe(
    createHash("sha256")
      .update(hmac + md5)
      .digest("hex"),
  );
  expect(headers?.get("authorization")).toBe(`Bearer ${secret}`);
  const ofAll = createHash("md5").update(`a=1 ü&b=2&c=13912345678&key=${secret}`).digest("hex");
  expect(new URL(url).searchParams.get("sorted")).toBe(ofAll);
});

test.each([
  ["national", "13912345678", "10086"],
  ["e164", "+8613912345678", "10086"],
  ["digits", "8613912345678", "10086"],
])("numbers in the form %s", async (numbers, mobile, service) => {
  const config = placing({ body: { format: "json", value: { to: "{customer}" } } }, { numbers });
  const { channel, sent } = spied(config);
  await channel.place(order(), never());
  await channel.place(order({ customer: phone("10086") }), never());
  expect(sent.map(({ body }) => JSON.parse(body).to)).toEqual([mobile, service]);
});

test("what the order lacks is refused before anything leaves; with privacy A is never shown the customer", async () => {
  const value = { from: "{agent}", show: "{shownToAgent}" };
  const { channel, sent } = spied(placing({ body: { format: "json", value } }));
  const refusal = async (change: Partial<CallOrder>) =>
    (await failure(channel.place(order(change), never()), "place")).message;
  expect(await refusal({ agent: { phone: null, seat: "1" } })).toBe("refused (agent), effect none");
  expect(await refusal({ displayNumber: null })).toBe("refused (shown-number), effect none");
  expect(sent).toEqual([]);
  await channel.place(order(), never());
  await channel.place(order({ privacy: false }), never());
  expect(sent.map(({ body }) => JSON.parse(body).show)).toEqual(["2150001234", "13912345678"]);
});

test("a line honours what its request has a place for", () => {
  const honours = (value: object) =>
    custom.honours(custom.config.parse({ ...line, ...placing({ body: { format: "json", value } }) }));
  expect(honours({ to: "{customer}" })).toEqual([]);
  expect(honours({ a: "{shownToAgent}", b: ["{record?1:0}"] })).toEqual(["privacy", "record"]);
  expect(honours({ a: "{ivrText}{displayNumber}" })).toEqual(["displayNumber", "ivrText"]);
});

test.each<[string, Response, string]>([
  ["a code that nobody lists", Response.json({ code: 9 }), "garbled (server, code 9), effect unknown"],
  ["a listed code", Response.json({ code: 3001 }), "refused (balance, code 3001), effect none"],
  ["a listed code under another status", Response.json({ code: 1001 }), "garbled (server, code 1001), effect unknown"],
  [
    "a yes under a status that is none",
    Response.json({ code: 0 }, { status: 500 }),
    "garbled (server, code 0), effect unknown",
  ],
  ["a yes without an id", Response.json({ code: 0 }), "garbled (server, code form), effect unknown"],
  [
    "an id that is none",
    Response.json({ code: 0, result: { id: ".." } }),
    "garbled (server, code form), effect unknown",
  ],
  [
    "a number in the code's place",
    Response.json({ code: 13912345678 }),
    "garbled (server, code http-200), effect unknown",
  ],
  ["no JSON", new Response("<html>"), "garbled (server, code http-200), effect unknown"],
])("%s", async (_, answer, message) => {
  const { place, refusals } = examples.json;
  const { channel } = spied({ ...placing(place.request), refusals }, answer);
  expect((await failure(channel.place(order(), never()), "place")).message).toBe(message);
});

test("where a provider gives no id, ours stands in; long ones keep their digits", async () => {
  const request = { body: { format: "json", value: {} } };
  const nameless = spied({ place: { request, answer: yes } });
  expect((await nameless.channel.place(order(), never())).providerCallId).toBe("call_20261121_0000000000000001.1");
  const long = spied(
    placing(request),
    new Response('{"code":0,"result":{"id":1234567890123456789,"x":"12345678901234567890"}}'),
  );
  expect((await long.channel.place(order(), never())).providerCallId).toBe("1234567890123456789");
});
