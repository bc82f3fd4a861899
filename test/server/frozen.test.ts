import { afterAll, beforeAll, expect, test } from "bun:test";
import { connect, createServer, type Server, type Socket } from "node:net";
import { sql } from "drizzle-orm";
import { openServer } from "../../db/server.ts";
import { rows } from "../../db/sql.ts";
import { openTestDatabase, type TestDatabase } from "../database.ts";
import { startTimeoutMs } from "../service.ts";

let on: TestDatabase;
let proxy: Server;
let frozen = false;
const sockets = new Set<Socket>();
const held: (() => void)[] = [];

/** Stands between us and the server, and can stop letting anything through: a server that is frozen, not gone. */
beforeAll(async () => {
  on = await openTestDatabase();
  const target = new URL(on.url ?? "");
  proxy = createServer((inner) => {
    const outer = connect(Number(target.port || 5432), target.hostname);
    for (const [from, to] of [
      [inner, outer],
      [outer, inner],
    ] as const) {
      sockets.add(from);
      from.on("data", (chunk) => {
        if (frozen) held.push(() => to.write(chunk));
        else to.write(chunk);
      });
      from.on("close", () => to.destroy());
      from.on("error", () => to.destroy());
    }
  });
  await new Promise<void>((done) => proxy.listen(0, "127.0.0.1", done));
}, startTimeoutMs);
afterAll(async () => {
  for (const socket of sockets) socket.destroy();
  proxy.close();
  await on.close();
}, startTimeoutMs);

test("a server that answers nothing any more is not waited for; what answers late is not committed", async () => {
  const address = proxy.address();
  const url = new URL(on.url ?? "");
  url.hostname = "127.0.0.1";
  url.port = String(typeof address === "object" ? address?.port : "");
  const db = await openServer(url.href, { connectionsMax: 2 });
  const write = db.tx(async (q) => {
    await q.execute(sql`insert into tenants (id, name, key_proof, created) values ('late', 'x', 'x', now())`);
    frozen = true;
    await q.execute(sql`select 1`);
  });
  await expect(write).rejects.toMatchObject({ name: "DatabaseError", code: "deadline" });
  const stored = await on.db.run((q) => q.execute(sql`select 1 from tenants where id = 'late'`));
  expect(rows(stored)).toEqual([]);
  frozen = false;
  for (const pass of held) pass();
  const again = await db.run((q) => q.execute(sql`select 1 as one`));
  expect(rows<{ one: number }>(again)[0]?.one).toBe(1);
  expect(rows(await on.db.run((q) => q.execute(sql`select 1 from tenants where id = 'late'`)))).toEqual([]);
  await db.close();
}, 30_000);
