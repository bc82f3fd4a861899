/** Numbers that are not called: kept sealed, shown masked, each tenant's own. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { shiftedClock } from "../service.ts";
import { type Answer, startApp, startTimeoutMs, type TestApp } from "./start.ts";

const path = "/api/v1/blacklist";
const clock = shiftedClock();
let app: TestApp;
beforeAll(async () => {
  app = await startApp({ clock });
}, startTimeoutMs);
afterAll(() => app.stop(), startTimeoutMs);

const add = (body: object, key = app.keys.manage): Promise<Answer> => app.ask("POST", path, { key, body });
const list = async (query = "", key = app.keys.manage) => (await app.ask("GET", path + query, { key })).body;
const later = (): string => new Date(clock.now().getTime() + 60_000).toISOString();

describe("an entry", () => {
  test("is kept sealed and shown masked", async () => {
    const expires = later();
    const made = await add({ phone: "139 1234 5678", reason: "投诉", expires });
    expect([made.status, made.body.isNew]).toEqual([201, true]);
    expect(made.body.entry).toMatchObject({ id: made.body.id, phone: "139****5678", reason: "投诉", expires });
    expect((await list()).blacklist).toEqual([made.body.entry]);
    expect(await app.database.dump()).not.toContain("13912345678");
  });

  test("of a number that is there, in whatever form, changes reason and expiry", async () => {
    const first = await add({ phone: "13912340001", reason: "one", expires: later() });
    const second = await add({ phone: "+86 139-1234-0001", reason: "two" });
    expect([second.status, second.body.isNew, second.body.id]).toEqual([200, false, first.body.id]);
    expect(second.body.entry).toEqual({ ...first.body.entry, reason: "two", expires: null });
    const found = (await list()).blacklist.filter(({ id }: { id: string }) => id === first.body.id);
    expect(found).toEqual([second.body.entry]);
  });

  test("of one number at once, from many, is one", async () => {
    const before = (await list()).blacklist.length;
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, n) => add({ phone: "13912340002", reason: `r${n}` })),
    );
    expect(answers.filter(({ body }) => body.isNew)).toHaveLength(1);
    expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1);
    expect((await list()).blacklist.length).toBe(before + 1);
  });

  test("keeps no number that somebody wrote into its reason", async () => {
    const { body } = await add({ phone: "13912340003", reason: "asked by 13812345678 himself" });
    expect(body.entry.reason).toContain("asked by");
    expect(await app.database.dump()).not.toContain("13812345678");
  });

  test("says which field is wrong, never its value", async () => {
    const good = { phone: "13912340004", reason: "r" };
    for (const [body, field] of [
      [{ ...good, phone: "12" }, "phone"],
      [{ phone: good.phone }, "reason"],
      [{ ...good, reason: "" }, "reason"],
      [{ ...good, reason: "x".repeat(256) }, "reason"],
      [{ ...good, expires: "tomorrow" }, "expires"],
      [{ ...good, expires: new Date(clock.now().getTime() - 1).toISOString() }, "expires"],
      [{ ...good, more: 1 }, "more"],
    ] as const) {
      const answer = await add(body);
      expect([answer.status, answer.body.code, answer.body.errors[0].field]).toEqual([422, "invalid", field]);
      expect(answer.text).not.toContain(good.phone);
    }
    expect((await add({ ...good, reason: "x".repeat(255) })).status).toBe(201);
  });

  test("is deleted once", async () => {
    const { id } = (await add({ phone: "13912340005", reason: "r" })).body;
    const remove = (key: string) => app.ask("DELETE", `${path}/${id}`, { key });
    expect((await remove(app.keys.other)).status).toBe(404);
    expect((await remove(app.keys.manage)).body).toEqual({ success: true });
    expect((await remove(app.keys.manage)).status).toBe(404);
    expect((await app.ask("DELETE", `${path}/13912340005`, { key: app.keys.manage })).status).toBe(404);
  });
});

test("the list is read page by page", async () => {
  const all = await list("?limit=200");
  expect([all.blacklist.length > 2, all.next]).toEqual([true, null]);
  const read: unknown[] = [];
  for (let cursor: string | null = ""; cursor !== null; ) {
    const page: { blacklist: unknown[]; next: string | null } = await list(`?limit=2${cursor && `&cursor=${cursor}`}`);
    expect(page.blacklist.length).toBeLessThanOrEqual(2);
    read.push(...page.blacklist);
    cursor = page.next;
  }
  expect(read).toEqual(all.blacklist);
  const bad = await app.ask("GET", `${path}?cursor=nonsense`, { key: app.keys.manage });
  expect(bad.body.errors[0].field).toBe("cursor");
});

test("each tenant has its own", async () => {
  const phone = "13912340006";
  const ours = await add({ phone, reason: "ours" });
  expect((await list("?limit=200", app.keys.other)).blacklist).toEqual([]);
  const theirs = await add({ phone, reason: "theirs" }, app.keys.other);
  expect([theirs.body.isNew, theirs.body.id === ours.body.id]).toEqual([true, false]);
  expect((await list("?limit=200", app.keys.other)).blacklist).toEqual([theirs.body.entry]);
});

test("only a key that manages may look at it or change it", async () => {
  for (const key of [app.keys.call, app.keys.read, app.keys.ops]) {
    expect((await app.ask("GET", path, { key })).status).toBe(403);
    expect((await add({ phone: "13912340007", reason: "r" }, key)).status).toBe(403);
    expect((await app.ask("DELETE", `${path}/black_${"a".repeat(16)}`, { key })).status).toBe(403);
  }
});
