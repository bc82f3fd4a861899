import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { agentById } from "../../src/lines/agents.ts";
import { bindingsOf } from "../../src/lines/bindings.ts";
import { startApp, startTimeoutMs, type TestApp } from "./start.ts";

const agents = "/api/v1/agents";
const bindings = "/api/v1/bindings";
let app: TestApp;
let lineId = 0;
beforeAll(async () => {
  app = await startApp();
  const providerConfig = { account: "a1", secret: "secret-secret" };
  const body = { name: "L", providerType: "trial", providerConfig };
  lineId = (await app.ask("POST", "/api/v1/calls/lines", { body })).body.id;
}, startTimeoutMs);
afterAll(() => app.stop(), startTimeoutMs);

const add = (path: string, body: object) => app.ask("POST", path, { body });
const change = (path: string, body: object) => app.ask("PUT", path, { body });

describe("an agent", () => {
  test("is kept sealed and shown masked", async () => {
    const seats = { hw: "seat-c4n4ry-77", tencent: "someone@example.com" };
    const made = await add(agents, { id: "wang.fang@crm", name: "王芳", phone: "139 1234 5678", seats });
    expect(made.status).toBe(201);
    expect(made.body.agent).toMatchObject({
      id: "wang.fang@crm",
      phone: "139****5678",
      seats: { hw: "************77", tencent: "*****************om" },
    });
    expect((await app.ask("GET", `${agents}/wang.fang@crm`)).body).toEqual(made.body.agent);
    const dump = await app.database.dump();
    for (const canary of ["13912345678", "c4n4ry", "someone@example.com"]) expect(dump).not.toContain(canary);
    const agent = await agentById(app.ctx, "one", "wang.fang@crm");
    expect([agent?.phone?.reveal(), agent?.seats]).toEqual(["+8613912345678", seats]);
    expect(await agentById(app.ctx, "two", "wang.fang@crm")).toBeNull();
  });

  test("gets an id where none is given; a taken one is refused", async () => {
    expect((await add(agents, { name: "A" })).body.id).toMatch(/^agent_[a-z0-9]{12}$/);
    expect((await add(agents, { id: "taken", name: "A" })).status).toBe(201);
    expect((await add(agents, { id: "taken", name: "B" })).body.code).toBe("conflict");
    for (const id of ["", "has space", "a/b", "x".repeat(65)])
      expect((await add(agents, { id, name: "A" })).body.errors[0].field).toBe("id");
  });

  test("changes what is named; of its seats only the named channels", async () => {
    await add(agents, { id: "changing", name: "A", phone: "13912345678", seats: { hw: "1001", e9: "2002" } });
    await change(`${agents}/changing`, { seats: { hw: null, tencent: "3003" } });
    expect(await agentById(app.ctx, "one", "changing")).toMatchObject({ seats: { e9: "2002", tencent: "3003" } });
    const { agent } = (await change(`${agents}/changing`, { name: "B", phone: null })).body;
    expect(agent).toMatchObject({ name: "B", phone: null, seats: { e9: "**02", tencent: "**03" } });
    expect((await change(`${agents}/changing`, { seats: null })).body.agent.seats).toEqual({});
  });

  test("is deleted once no binding names it", async () => {
    await add(agents, { id: "leaving", name: "A" });
    const { id } = (await add(bindings, { userId: "u9", agentId: "leaving" })).body;
    expect((await app.ask("DELETE", `${agents}/leaving`)).body.code).toBe("conflict");
    await app.ask("DELETE", `${bindings}/${id}`);
    expect((await app.ask("DELETE", `${agents}/leaving`)).body).toEqual({ success: true });
    expect((await app.ask("GET", `${agents}/leaving`)).status).toBe(404);
  });

  test("is listed page by page, by id", async () => {
    const first = (await app.ask("GET", `${agents}?limit=1`)).body;
    const second = (await app.ask("GET", `${agents}?limit=200&cursor=${first.next}`)).body;
    expect([...first.agents, ...second.agents]).toEqual((await app.ask("GET", `${agents}?limit=200`)).body.agents);
  });
});

describe("a binding", () => {
  test("joins a user with an agent, a channel and a line, in order of priority", async () => {
    await add(agents, { id: "bound", name: "A" });
    const make = async (body: object) => (await add(bindings, { userId: "u1", ...body })).body.id as string;
    const later = await make({ agentId: "bound", priority: 200 });
    const middle = await make({ channel: "trial" });
    const sooner = await make({ agentId: "bound", channel: "trial", lineId, priority: 1, privacy: true });
    const found = await bindingsOf(app.ctx, "one", "u1");
    expect(found.map(({ id }) => id)).toEqual([sooner, middle, later]);
    expect(found[0]).toEqual({
      id: sooner,
      userId: "u1",
      agentId: "bound",
      channel: "trial",
      lineId,
      priority: 1,
      privacy: true,
    });
    expect(found[1]).toMatchObject({ priority: 100, privacy: null, agentId: null });
    expect(await bindingsOf(app.ctx, "two", "u1")).toEqual([]);
    const listed = (await app.ask("GET", `${bindings}?userId=u1&agentId=bound`)).body.bindings;
    expect(listed.map(({ id }: { id: string }) => id).sort()).toEqual([sooner, later].sort());
  });

  test("names only what the tenant has", async () => {
    await app.ask("POST", agents, { key: app.keys.other, body: { id: "theirs", name: "T" } });
    const { line } = (
      await app.ask("POST", "/api/v1/calls/lines", {
        key: app.keys.other,
        body: { name: "T", providerType: "trial", providerConfig: { account: "t", secret: "secret-secret" } },
      })
    ).body;
    const refused = async (body: object) => {
      const answer = await add(bindings, { userId: "u2", ...body });
      expect([answer.status, answer.body.code]).toEqual([422, "invalid"]);
      return answer.body.errors[0].field;
    };
    expect(await refused({})).toBe("agentId");
    expect(await refused({ agentId: "nobody" })).toBe("agentId");
    expect(await refused({ agentId: "theirs" })).toBe("agentId");
    expect(await refused({ lineId: line.id })).toBe("lineId");
    expect(await refused({ lineId: 999_999 })).toBe("lineId");
    expect(await refused({ channel: "nope" })).toBe("channel");
    expect(await refused({ channel: "fake", lineId })).toBe("channel");
  });

  test("changes what is named, and never becomes empty", async () => {
    const { id } = (await add(bindings, { userId: "u3", channel: "trial", privacy: false })).body;
    const put = (body: object) => change(`${bindings}/${id}`, body);
    expect((await put({ priority: 5, lineId, privacy: null })).body.binding).toMatchObject({
      userId: "u3",
      channel: "trial",
      lineId,
      priority: 5,
      privacy: null,
    });
    expect((await put({ channel: null, lineId: null })).body.code).toBe("invalid");
    expect((await app.ask("GET", `${bindings}/${id}`)).body).toMatchObject({ channel: "trial", lineId });
  });
});

describe("settings", () => {
  const settings = "/api/v1/settings";
  const defaults = {
    privacy: false,
    record: false,
    ringTimeoutSeconds: 60,
    maxDurationSeconds: 3_600,
    timeZone: "Asia/Shanghai",
    maxConcurrent: 0,
    perSecond: 0,
    dailyLimit: 0,
    agentPerSecond: 0,
    agentDailyLimit: 0,
    whenLimited: "other-line",
    queueSeconds: 30,
    customerCallsPerDay: 5,
    customerCallsPer5Minutes: 3,
    callingFrom: "08:00",
    callingUntil: "21:00",
  };

  test("begin with the defaults, change field by field, and go back with null", async () => {
    expect((await app.ask("GET", settings)).body).toEqual(defaults);
    await Promise.all([change(settings, { privacy: true }), change(settings, { ringTimeoutSeconds: 30 })]);
    expect((await app.ask("GET", settings)).body).toEqual({ ...defaults, privacy: true, ringTimeoutSeconds: 30 });
    expect((await change(settings, { privacy: null, ringTimeoutSeconds: null })).body.settings).toEqual(defaults);
    expect((await app.ask("GET", settings, { key: app.keys.other })).body).toEqual(defaults);
    expect((await change(settings, { callingUntil: "24:00" })).body.settings.callingUntil).toBe("24:00");
    await change(settings, { callingUntil: null });
  });

  test("keep to their bounds", async () => {
    for (const body of [
      { ringTimeoutSeconds: 4 },
      { ringTimeoutSeconds: 121 },
      { maxDurationSeconds: 59 },
      { maxDurationSeconds: 14_401 },
      { record: "yes" },
      { retention: 90 },
      { timeZone: "Mars/Olympus" },
      { whenLimited: "wait" },
      { callingFrom: "8:00" },
      { callingFrom: "24:00" },
      { callingUntil: "24:01" },
      { queueSeconds: 301 },
    ])
      expect((await change(settings, body)).body.errors[0].field).toBe(Object.keys(body)[0]);
  });
});
