import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { callLines } from "../../db/schema/index.ts";
import { probeConfig } from "../../src/lines/probe.ts";
import { startApp, startTimeoutMs, type TestApp } from "./start.ts";

const linesPath = "/api/v1/calls/lines";
const secret = "c4n4ry-of-a-secret";
let app: TestApp;
beforeAll(async () => {
  app = await startApp();
}, startTimeoutMs);
afterAll(() => app.stop(), startTimeoutMs);

const trialLine = (more: object = {}, config: object = {}) => ({
  name: "试验线路",
  providerType: "trial",
  callerNumber: "021-6123 4567",
  providerConfig: { account: "a1", secret, ...config },
  ...more,
});
async function create(more: object = {}, config: object = {}) {
  const { status, body } = await app.ask("POST", linesPath, { body: trialLine(more, config) });
  expect(status).toBe(201);
  return body.line;
}
const stored = async (id: number) =>
  (await app.ctx.db.run((q) => q.select().from(callLines))).find((line) => line.id === id);
const openedConfig = async (id: number) =>
  JSON.parse(app.ctx.seal.open("one", (await stored(id))?.providerConfig ?? ""));

describe("a line", () => {
  test("is made, with the fields of the requirements and ours", async () => {
    const price = { currency: "CNY", b: { perMinute: "0.12", firstIncrement: 60, nextIncrement: 60 } };
    const line = await create({ maxConcurrent: 5, dailyLimit: 300, price, webhookSecret: "webhook-c4n4ry" });
    const { id, webhookUrl, created, updated, ...rest } = line;
    expect(rest).toEqual({
      name: "试验线路",
      providerType: "trial",
      callerNumber: "02161234567",
      status: "active",
      maxConcurrent: 5,
      currentConcurrent: 0,
      dailyLimit: 300,
      perSecond: 0,
      todayCount: 0,
      health: "up",
      simulated: false,
      price,
      providerConfig: { account: "a1" },
      secretsSet: ["secret"],
      webhookSecretSet: true,
      webhookSenders: [],
      can: { honours: ["privacy"], controls: ["mute"], hangup: true, live: "reliable", neverTold: [] },
      archived: null,
    });
    expect(webhookUrl).toMatch(new RegExp(`^${app.url}/api/v1/calls/webhook/trial/wh_[a-z0-9]{32}$`));
    expect((await app.ask("GET", `${linesPath}/${id}`)).body).toEqual(line);
  });

  test("of the fake channel is told to be one", async () => {
    const providerConfig = { baseUrl: "http://127.0.0.1:9", accountId: "demo", secret };
    const body = { name: "演示", providerType: "fake", providerConfig };
    const { line } = (await app.ask("POST", linesPath, { body })).body;
    expect(line).toMatchObject({ simulated: true, callerNumber: null, secretsSet: ["secret"] });
  });

  test("keeps its secret where a change does not name it, and takes a new one", async () => {
    const { id } = await create();
    const kept = await app.ask("PUT", `${linesPath}/${id}`, { body: { providerConfig: { probe: "no" } } });
    expect(kept.body.line).toMatchObject({ providerConfig: { account: "a1", probe: "no" }, secretsSet: ["secret"] });
    expect(await openedConfig(id)).toEqual({ account: "a1", secret, probe: "no" });
    const body = { providerConfig: { secret: "another-secret", probe: null, backup: "second-secret" } };
    const changed = await app.ask("PUT", `${linesPath}/${id}`, { body });
    expect(changed.body.line.secretsSet).toEqual(["secret", "backup"]);
    expect(await openedConfig(id)).toEqual({ account: "a1", secret: "another-secret", backup: "second-secret" });
  });

  test("changes only what is named; null clears", async () => {
    const { id } = await create({ maxConcurrent: 7, webhookSecret: "webhook-secret" });
    const put = async (body: object) => (await app.ask("PUT", `${linesPath}/${id}`, { body })).body.line;
    expect(await put({ status: "inactive" })).toMatchObject({ status: "inactive", maxConcurrent: 7, name: "试验线路" });
    expect(await put({ name: "B", webhookSecret: null })).toMatchObject({ name: "B", webhookSecretSet: false });
    expect(await put({ callerNumber: null })).toMatchObject({ callerNumber: null, status: "inactive" });
  });

  test("moves to another account with other credentials, and its webhook with it", async () => {
    const one = await create();
    const other = await create();
    expect(other.webhookUrl).toBe(one.webhookUrl);
    const body = { providerConfig: { account: "a2", secret: "secret-of-a2" } };
    const moved = (await app.ask("PUT", `${linesPath}/${other.id}`, { body })).body.line;
    expect(moved.webhookUrl).not.toBe(one.webhookUrl);
    expect((await app.ask("GET", `${linesPath}/${one.id}`)).body.webhookUrl).toBe(one.webhookUrl);
  });

  test("keeps no secret where it moves: to another address or account it is given again, all of it", async () => {
    const { id } = await create({}, { backup: "second-secret" });
    const put = (providerConfig: object) => app.ask("PUT", `${linesPath}/${id}`, { body: { providerConfig } });
    const before = await openedConfig(id);
    const again = (name: string) => ({
      field: `providerConfig.${name}`,
      message: expect.stringMatching(/重新填写.*given again/),
    });
    for (const move of [{ node: "https://elsewhere.example" }, { account: "a2" }]) {
      const kept = await put(move);
      expect([kept.status, kept.body.code, kept.body.errors]).toEqual([
        422,
        "invalid",
        [again("secret"), again("backup")],
      ]);
      expect((await put({ ...move, secret: "another-secret" })).body.errors).toEqual([again("backup")]);
    }
    expect(await openedConfig(id)).toEqual(before);
    // The same address, said in so many words, is no move; a secret that is taken out is not kept.
    expect((await put({ node: "https://node.example", account: "a1", probe: "no" })).status).toBe(200);
    expect((await put({ node: "https://elsewhere.example", secret, backup: null })).status).toBe(200);
    expect((await put({ node: null })).status).toBe(422);
    expect(await openedConfig(id)).toEqual({ account: "a1", secret, node: "https://elsewhere.example", probe: "no" });
  });

  test("lists whence its pushes come: addresses and networks, and none that is half of the world", async () => {
    const { id } = await create();
    const put = (webhookSenders: unknown) => app.ask("PUT", `${linesPath}/${id}`, { body: { webhookSenders } });
    const listed = ["203.0.113.7", "198.51.100.0/24", "2001:db8::/32"];
    expect((await put(listed)).body.line.webhookSenders).toEqual(listed);
    for (const wrong of ["relay.example", "10.1", "0.0.0.0/0", "128.0.0.0/1", "::/0", "203.0.113.0/33", ""]) {
      const { status, body } = await put([listed[0], wrong]);
      expect([wrong, status, body.errors[0].field]).toEqual([wrong, 422, "webhookSenders.1"]);
      expect(body.errors[0].message).toMatch(/不是地址.*neither an address/);
    }
    expect((await app.ask("GET", `${linesPath}/${id}`)).body.webhookSenders).toEqual(listed);
    expect((await put(null)).body.line.webhookSenders).toEqual([]);
  });

  test("agrees on its account with lines that are made at the same time", async () => {
    const lines = await Promise.all(Array.from({ length: 8 }, () => create({}, { account: "racing" })));
    expect(new Set(lines.map(({ webhookUrl }) => webhookUrl)).size).toBe(1);
  });

  test("is archived: gone from the list, there by its number, unchangeable", async () => {
    const { id } = await create();
    expect((await app.ask("DELETE", `${linesPath}/${id}`)).body).toEqual({ success: true });
    expect((await app.ask("DELETE", `${linesPath}/${id}`)).status).toBe(200);
    expect((await app.ask("GET", `${linesPath}/${id}`)).body.archived).toBeString();
    const ids = async (query: string) =>
      (await app.ask("GET", linesPath + query)).body.lines.map((line: { id: number }) => line.id);
    expect(await ids("?limit=200")).not.toContain(id);
    expect(await ids("?limit=200&archived=true")).toContain(id);
    const change = await app.ask("PUT", `${linesPath}/${id}`, { body: { name: "B" } });
    expect([change.status, change.body.code]).toEqual([409, "conflict"]);
  });

  test("keeps a foreign number in a form that is read back as itself", async () => {
    expect((await create({ callerNumber: "+1 415 555 2671" })).callerNumber).toBe("+14155552671");
  });
});

describe("what is refused", () => {
  const fieldsOf = async (body: object) =>
    (await app.ask("POST", linesPath, { body })).body.errors.map(({ field }: { field: string }) => field).sort();

  test("a config that its channel does not take, by path and never by value", async () => {
    const body = trialLine({}, { secret: "short", probe: "c4n4ry-word", extra: 1 });
    const answer = await app.ask("POST", linesPath, { body });
    expect([answer.status, answer.body.code]).toEqual([422, "invalid"]);
    const fields = answer.body.errors.map(({ field }: { field: string }) => field).sort();
    expect(fields).toEqual(["providerConfig.extra", "providerConfig.probe", "providerConfig.secret"]);
    expect(answer.text).not.toContain("c4n4ry-word");
    const { id } = await create();
    const change = await app.ask("PUT", `${linesPath}/${id}`, { body: { providerConfig: { secret: null } } });
    expect(change.body.errors[0].field).toBe("providerConfig.secret");
    expect((await openedConfig(id)).secret).toBe(secret);
  });

  test("an unknown channel, a number that is none, a negative limit", async () => {
    expect(await fieldsOf(trialLine({ providerType: "nope" }))).toEqual(["providerType"]);
    expect(await fieldsOf(trialLine({ providerType: "__proto_" }))).toEqual(["providerType"]);
    expect(await fieldsOf(trialLine({ callerNumber: "call me" }))).toEqual(["callerNumber"]);
    expect(await fieldsOf(trialLine({ maxConcurrent: -1, dailyLimit: 1.5 }))).toEqual(["dailyLimit", "maxConcurrent"]);
  });
});

describe("a test", () => {
  const unsaved = (probe: string) => ({ providerType: "trial", providerConfig: { account: "a1", secret, probe } });

  test("of an unsaved config says how it went", async () => {
    const yes = await app.ask("POST", `${linesPath}/test`, { body: unsaved("yes") });
    expect(yes.body).toMatchObject({ success: true, latency: expect.any(Number) });
    const no = await app.ask("POST", `${linesPath}/test`, { body: unsaved("no") });
    expect([no.status, no.body.success]).toEqual([200, false]);
    expect(no.body.message).toContain("credentials, E401");
  });

  test("of a saved line uses what is saved", async () => {
    const { id } = await create();
    expect((await app.ask("POST", `${linesPath}/${id}/test`)).body.success).toBe(true);
    await app.ask("PUT", `${linesPath}/${id}`, { body: { providerConfig: { probe: "no" } } });
    expect((await app.ask("POST", `${linesPath}/${id}/test`)).body.success).toBe(false);
  });

  test("ends at its deadline, also where the adapter does not", async () => {
    const clock = { now: () => new Date(0), sleep: async () => {}, correct: () => {} };
    const result = await probeConfig({ ...app.ctx, clock }, app.deps, unsaved("mute"));
    expect(result.success).toBe(false);
    expect(result.message).toContain("did not answer in time");
  });

  test("shows nothing that a provider says beside its code", async () => {
    const answer = await app.ask("POST", `${linesPath}/test`, { body: unsaved("leaks") });
    expect(answer.body.success).toBe(false);
    expect(answer.text).not.toContain(secret);
  });
});

test("the list is read page by page", async () => {
  const whole = (await app.ask("GET", `${linesPath}?limit=200`)).body.lines;
  const pages: unknown[] = [];
  for (let cursor = ""; ; ) {
    const { body } = await app.ask("GET", `${linesPath}?limit=3${cursor}`);
    pages.push(...body.lines);
    if (body.next === null) break;
    cursor = `&cursor=${body.next}`;
  }
  expect(pages).toEqual(whole);
});

test("secrets stand nowhere in the clear: no answer, no log, no table", async () => {
  await create({ webhookSecret: "webhook-c4n4ry" });
  const answers = await Promise.all([
    app.ask("GET", `${linesPath}?limit=200&archived=true`),
    app.ask("GET", "/api/v1/channels"),
  ]);
  for (const text of [...answers.map((answer) => answer.text), app.logged.join(""), await app.database.dump()])
    expect(text).not.toContain("c4n4ry");
});

test("channels tell what to fill in", async () => {
  const { channels } = (await app.ask("GET", "/api/v1/channels")).body;
  expect(channels[0]).toMatchObject({
    name: "trial",
    title: { zh: "试验", en: "Trial" },
    agentKind: "phone",
    fixedWebhooks: ["/api/v1/calls/webhook/trial/status"],
    secretFields: ["secret", "backup"],
    addressFields: ["node"],
  });
  const { properties, required } = channels[0].config;
  expect(required).toEqual(["account", "secret"]);
  expect(properties.account.title).toBe("账户 · Account");
  expect(properties.secret).toMatchObject({ writeOnly: true, format: "password" });
});
