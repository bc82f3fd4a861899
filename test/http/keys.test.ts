import { afterAll, beforeAll, expect, test } from "bun:test";
import { createSeal } from "../../db/seal.ts";
import { createAuthenticator } from "../../src/auth/authenticate.ts";
import { ensureKey, makeKey, revokeKey } from "../../src/auth/keys.ts";
import { ensureTenant, makeTenant, provesKey } from "../../src/auth/tenants.ts";
import { startApp, startTimeoutMs, type TestApp } from "./start.ts";

const keysPath = "/api/v1/keys";
let now = Date.parse("2025-03-01T00:00:00Z");
let app: TestApp;
beforeAll(async () => {
  app = await startApp({ clock: { now: () => new Date(now), sleep: async () => {}, correct: () => {} } });
}, startTimeoutMs);
afterAll(() => app.stop(), startTimeoutMs);

const statusWith = async (key: string | null) => (await app.ask("GET", keysPath, { key })).status;

test("a key is made, shown once, listed by its hint, revoked, and then refused at once", async () => {
  const made = await app.ask("POST", keysPath, { body: { name: "CRM 系统", scopes: ["manage", "read"] } });
  expect(made.status).toBe(201);
  const { id, key } = made.body;
  expect(key).toMatch(/^hk_[a-z0-9]{40}$/);
  expect(await statusWith(key)).toBe(200);
  const listed = await app.ask("GET", keysPath);
  expect(listed.text).not.toContain(key);
  expect(listed.body.keys.find((one: { id: string }) => one.id === id)).toMatchObject({
    name: "CRM 系统",
    hint: key.slice(0, 7),
    scopes: ["read", "manage"],
    revoked: null,
  });
  expect(await app.database.dump()).not.toContain(key.slice(7));
  expect(app.logged.join("")).not.toContain(key.slice(7));

  expect((await app.ask("DELETE", `${keysPath}/${id}`)).body).toEqual({ success: true });
  expect(await statusWith(key)).toBe(401);
  expect((await app.ask("DELETE", `${keysPath}/${id}`)).status).toBe(200);
  const after = await app.ask("GET", keysPath);
  expect(after.body.keys.find((one: { id: string }) => one.id === id).revoked).toBe(new Date(now).toISOString());
});

test("a key that another instance revokes is refused within two seconds", async () => {
  const { id, key } = await makeKey(app.ctx, "one", { name: "brief", scopes: ["manage"] });
  const here = createAuthenticator(app.ctx);
  expect(await here.principal(`Bearer ${key}`)).toMatchObject({ tenant: "one", keyId: id });
  await revokeKey(app.ctx, "one", id);
  now += 2_000;
  expect(await here.principal(`Bearer ${key}`)).toBeNull();
});

test("everything that is not one of our keys is 401", async () => {
  for (const key of [null, "hk_short", `hk_${"0".repeat(40)}`, "x".repeat(5_000), "a b"])
    expect(await statusWith(key)).toBe(401);
  const basic = await app.ask("GET", keysPath, { key: null, headers: { authorization: `Basic ${app.keys.all}` } });
  expect(basic.status).toBe(401);
  expect(basic.headers.get("www-authenticate")).toStartWith("Bearer");
});

test("a key grants no scope that it lacks", async () => {
  const beyond = await app.ask("POST", keysPath, { key: app.keys.manage, body: { name: "x", scopes: ["call"] } });
  expect([beyond.status, beyond.body.code]).toEqual([403, "forbidden"]);
  const within = await app.ask("POST", keysPath, { key: app.keys.manage, body: { name: "x", scopes: ["manage"] } });
  expect(within.status).toBe(201);
});

test("scopes must be known ones and at least one", async () => {
  for (const scopes of [[], ["admin"], "call", undefined])
    expect((await app.ask("POST", keysPath, { body: { name: "x", scopes } })).body.code).toBe("invalid");
});

test("the list is read page by page", async () => {
  const whole = (await app.ask("GET", `${keysPath}?limit=200`)).body.keys;
  const pages: unknown[] = [];
  for (let cursor = ""; ; ) {
    const { body } = await app.ask("GET", `${keysPath}?limit=2${cursor}`);
    pages.push(...body.keys);
    if (body.next === null) break;
    cursor = `&cursor=${body.next}`;
  }
  expect(pages).toEqual(whole);
});

test("a given key becomes valid, however many starts give it at once, and again after it was revoked", async () => {
  const key = "admin-key-from-the-settings";
  await Promise.all(Array.from({ length: 8 }, () => ensureKey(app.ctx, "one", key, "admin")));
  const { keys } = (await app.ask("GET", `${keysPath}?limit=200`)).body;
  const mine = keys.filter(({ name }: { name: string }) => name === "admin");
  expect(mine).toHaveLength(1);
  expect(await statusWith(key)).toBe(200);
  await app.ask("DELETE", `${keysPath}/${mine[0].id}`);
  expect(await statusWith(key)).toBe(401);
  await ensureKey(app.ctx, "one", key, "admin");
  expect(await statusWith(key)).toBe(200);
  await expect(ensureKey(app.ctx, "two", key, "admin")).rejects.toThrow("another tenant");
});

test("a tenant is made once; racing starts make one", async () => {
  await expect(makeTenant(app.ctx, "one", "Again")).rejects.toThrow("exists already");
  await expect(makeTenant(app.ctx, "Über", "x")).rejects.toThrow("cannot be made");
  const made = await Promise.all(Array.from({ length: 5 }, () => ensureTenant(app.ctx, "default", "Default")));
  expect(made.filter(Boolean)).toHaveLength(1);
});

test("a secret key that does not open what is sealed is refused by name", async () => {
  await provesKey(app.ctx);
  const stranger = { ...app.ctx, seal: createSeal(new Uint8Array(32)) };
  await expect(provesKey(stranger)).rejects.toThrow("HUALU_SECRET_KEY");
});
