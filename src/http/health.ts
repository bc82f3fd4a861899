import { createRoute, z } from "@hono/zod-openapi";
import { desc, eq, sql } from "drizzle-orm";
import { parked } from "../../db/schema/index.ts";
import { rows } from "../../db/sql.ts";
import type { CallContext } from "../calls/context.ts";
import { judgeLog } from "../health/callback-log.ts";
import { backlog, type DrainCounts } from "../loops/drain.ts";
import { type App, answer, guarded, guardedProblems, problems } from "./route.ts";
import type { RefusalLog } from "./webhooks.ts";

export interface HealthDeps {
  calls: CallContext;
  counts: DrainCounts;
  refusals: RefusalLog;
  ready(): boolean;
}

const tags = ["运行 · Operations"];
const parkedShown = 50;

export function healthRoutes(app: App, { calls, counts, refusals, ready }: HealthDeps): void {
  app.openapi(
    createRoute({
      method: "get",
      path: "/health",
      tags,
      summary: "存活 · Alive",
      responses: {
        200: answer(z.object({ status: z.string(), database: z.string() }), "进程存活 · the process answers"),
      },
    }),
    (c) => c.json({ status: "ok", database: calls.db.kind }, 200),
  );

  app.openapi(
    createRoute({
      method: "get",
      path: "/ready",
      tags,
      summary: "就绪 · Ready",
      responses: {
        200: answer(z.object({ ready: z.literal(true) }), "可以接收请求 · requests are welcome"),
        503: answer(
          z.object({ ready: z.literal(false) }),
          "启动、停止中或数据库不可用 · starting, stopping, or the database is away",
        ),
      },
    }),
    async (c) => {
      const answers = ready() && (await databaseAnswers(calls));
      return answers ? c.json({ ready: true as const }, 200) : c.json({ ready: false as const }, 503);
    },
  );

  app.openapi(
    createRoute({
      ...guarded("ops"),
      method: "get",
      path: "/api/v1/health/callback-log",
      tags,
      summary: "回调日志健康 · Health of the callback log",
      description:
        "结论与原因，积压、已处理、未匹配与格式错误的消息。 · How it does and why; the backlog, what was handled, and what matched no call or could not be read; counts since this process started.",
      responses: {
        200: answer(
          z.looseObject({
            health: z.enum(["up", "degraded", "down"]),
            causes: z.array(z.object({ cause: z.string(), zh: z.string(), en: z.string() })),
            backlog: z.int(),
          }),
          "回调日志 · the callback log",
        ),
        ...problems(...guardedProblems),
      },
    }),
    async (c) => {
      const { tenant } = c.get("principal");
      const aside = await calls.db.run((q) =>
        q.select().from(parked).where(eq(parked.tenant, tenant)).orderBy(desc(parked.parkedAt)).limit(parkedShown),
      );
      const totals = await calls.db.run((q) =>
        q.execute(sql`select reason, count(*)::int as count from parked where tenant = ${tenant} group by reason`),
      );
      const { lastRun, ...handled } = counts;
      const now = calls.clock.now().getTime();
      const refused = refusals.of(tenant);
      const verdict = judgeLog({
        lagMs: calls.health.lagMs(),
        idleMs: lastRun === null ? 0 : now - lastRun.getTime(),
        refusedLately: refused.last.filter(({ at }) => now - Date.parse(at) < 60_000).length,
        ...calls.health.newsOf(tenant),
      });
      return c.json(
        {
          ...verdict,
          backlog: await backlog(calls),
          handled: { ...handled, lastRun: lastRun?.toISOString() ?? null },
          parked: Object.fromEntries(
            rows<{ reason: string; count: number }>(totals).map((row) => [row.reason, row.count]),
          ),
          recentlyParked: aside.map((one) => ({
            deliveryId: one.id,
            day: one.day,
            reason: one.reason,
            detail: one.detail,
            tries: one.tries,
            parkedAt: one.parkedAt.toISOString(),
            nextTry: one.due?.toISOString() ?? null,
          })),
          refused: { ...refused, unaddressed: refusals.unaddressed() },
        },
        200,
      );
    },
  );
}

async function databaseAnswers(calls: CallContext): Promise<boolean> {
  try {
    await calls.db.run((q) => q.execute(sql`select 1`));
    return true;
  } catch {
    return false;
  }
}
